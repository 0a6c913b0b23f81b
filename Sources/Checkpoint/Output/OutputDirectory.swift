import Glibc
import Posix

/// An output on its way: built in a `PartialDirectory`, then renamed at once to beside it.
package final class OutputDirectory: Sendable {
    /// Where it will be; for messages.
    package let path: String
    /// Where it is built.
    package let directory: Directory
    /// Which it keeps where it is published.
    package let identity: FileIdentity
    private let partial: PartialDirectory
    private let name: String
    private let entry: String
    private let overwrite: Bool

    /// Makes it, empty; what an attempt left of it that was ended before it was noted goes.
    ///
    /// - Parameters:
    ///   - name: that it will have beside `partial`.
    ///   - number: among the outputs of its job.
    package init(
        _ name: String, number: Int, in partial: PartialDirectory, overwrite: Bool
    ) throws {
        entry = "\(number)"
        try removeTree(entry, in: partial.directory.descriptor)
        try partial.directory.makeDirectory(entry, mode: 0o750)
        directory = try partial.directory.directory(entry)
        identity = try directory.identity()
        path = joined(partial.parent.path, name)
        self.partial = partial
        self.name = name
        self.overwrite = overwrite
    }

    /// Takes over what an earlier attempt began.
    /// - Throws: `OutputError` where it is another one.
    package init(
        resuming name: String, number: Int, _ identity: FileIdentity, in partial: PartialDirectory,
        overwrite: Bool
    ) throws {
        entry = "\(number)"
        directory = try partial.directory.directory(entry)
        path = joined(partial.parent.path, name)
        guard try directory.identity() == identity else {
            throw OutputError(output: directory.path, reason: .replaced)
        }
        self.identity = identity
        self.partial = partial
        self.name = name
        self.overwrite = overwrite
    }

    /// Whether the output of that identity is in its place already.
    package static func isPublished(
        _ name: String, _ identity: FileIdentity, in parent: Directory
    ) -> Bool {
        guard let status = parent.status(of: name) else { return false }
        return status.st_mode & S_IFMT == S_IFDIR && status.st_uid == geteuid()
            && FileIdentity(status) == identity
    }

    /// Makes everything in it durable and renames it into place.
    ///
    /// At any moment there is the old output, the new one or, without `overwrite`, none; never half
    /// of one. (On a file system that cannot exchange names, an old output is away for a moment.)
    /// What an old output leaves goes with the partial directory.
    /// - Parameter submitter: for whom a daemon publishes: an old output goes only if it is this
    ///   account's and the submitter could have it replaced; see `checkReplaceable`. nil: whatever
    ///   this process may.
    /// - Throws: `OutputError`: `exists` where something has come into its place, `moved` where its
    ///   parent is no longer where it was, `replaced` where it is not itself that was published.
    package func publish(for submitter: UInt32?) throws {
        // Where the file system keeps no attributes, nobody but the directory's owner replaces it.
        if let submitter { try? directory.setAttribute(Self.submitterAttribute, "\(submitter)") }
        try directory.syncTree()
        try checkParent()
        if let failure = Rename.new(entry, in: partial.directory, to: name, in: partial.parent) {
            switch failure.errno {
            case EEXIST where overwrite: try exchange(submitter)
            case EEXIST: throw OutputError(output: path, reason: .exists)
            case EINVAL, ENOSYS: try publishWithoutFlags(submitter)
            default: throw failure
            }
        }
        let status = partial.parent.status(of: name)
        guard status.map({ FileIdentity($0) }) == identity else {
            throw OutputError(output: path, reason: .replaced)
        }
        try partial.parent.sync()
        try partial.directory.sync()
    }

    /// The parent is where it was: an output that nobody finds is none.
    private func checkParent() throws {
        var status = stat()
        guard stat(partial.parent.path, &status) == 0,
            try partial.parent.identity() == FileIdentity(status)
        else { throw OutputError(output: path, reason: .moved(partial.parent.path)) }
    }

    /// What is exchanged is looked at when it is here: nobody can change it any more.
    private func exchange(_ submitter: UInt32?) throws {
        let (inside, parent) = (partial.directory, partial.parent)
        if let failure = Rename.exchange(entry, in: inside, to: name, in: parent) {
            guard failure.errno == EINVAL || failure.errno == ENOSYS else { throw failure }
            return try replace(submitter)
        }
        do {
            try Self.checkReplaceable(entry, in: inside, below: parent, path, submitter)
        } catch {
            if let failure = Rename.exchange(entry, in: inside, to: name, in: parent) {
                throw failure
            }
            throw error
        }
    }

    /// For file systems that know no flags of renameat2(2). A directory that comes into being
    /// between look and rename makes the rename fail, unless it is empty.
    private func publishWithoutFlags(_ submitter: UInt32?) throws {
        if partial.parent.status(of: name) == nil {
            try Rename.plain(entry, in: partial.directory, to: name, in: partial.parent)
        } else {
            guard overwrite else { throw OutputError(output: path, reason: .exists) }
            try replace(submitter)
        }
    }

    private func replace(_ submitter: UInt32?) throws {
        let (inside, parent) = (partial.directory, partial.parent)
        let aside = entry + ".old"
        try Rename.plain(name, in: parent, to: aside, in: inside)
        do {
            try Self.checkReplaceable(aside, in: inside, below: parent, path, submitter)
            try Rename.plain(entry, in: inside, to: name, in: parent)
        } catch {
            try Rename.plain(aside, in: inside, to: name, in: parent)
            throw error
        }
    }
}

extension OutputDirectory {
    /// Checks that an output could be written, and leaves nothing behind.
    ///
    /// - Parameters:
    ///   - name: in `parent`.
    ///   - bytes: how much will be written.
    ///   - inputs: what the job reads: absolute paths of files and directories that are not to go
    ///     when an old output is overwritten.
    ///   - submitter: as for `publish`.
    package static func check(
        _ name: String, in parent: Directory, overwrite: Bool, bytes: Int, inputs: [String],
        for submitter: UInt32?
    ) throws {
        let output = joined(parent.path, name)
        if faccessat(parent.descriptor, ".", W_OK | X_OK, AT_EACCESS) != 0 {
            let reason = String(cString: strerror(errno))
            throw OutputError(
                output: output, reason: .notWritable(parent: parent.path, because: reason))
        }
        if parent.status(of: name) != nil {
            guard overwrite else { throw OutputError(output: output, reason: .exists) }
            try checkReplaceable(name, in: parent, below: parent, output, submitter)
            let old = canonical(output)
            if let input = inputs.first(where: { (canonical($0) + "/").hasPrefix(old + "/") }) {
                throw OutputError(output: output, reason: .holdsInput(input))
            }
        }
        try checkSpace(bytes, output: output, parent)
    }

    /// Whether so many bytes have room where `output` is, or will be in `parent`. Root's reserve
    /// does not count as free.
    package static func checkSpace(
        _ bytes: Int, output: String, _ parent: Directory
    ) throws {
        var space = statvfs()
        if fstatvfs(parent.descriptor, &space) != 0 { throw SystemError("statvfs", parent.path) }
        let unit = UInt64(space.f_frsize)
        let free = Int(clamping: UInt64(space.f_bavail).multipliedReportingOverflow(by: unit).0)
        let total = Int(clamping: UInt64(space.f_blocks).multipliedReportingOverflow(by: unit).0)
        if bytes > free {
            throw OutputError(
                output: output, reason: .noSpace(needed: bytes, free: free, total: total))
        }
    }

    /// For whom an output was published, as decimal digits: user.* of a directory can be set only
    /// by those who may write to it, and that is its owner, the daemon.
    private static let submitterAttribute = "user.stade.submitter"

    /// An old output that may go: a checkpoint, or an empty directory.
    ///
    /// A submitter has replaced what he could rename away himself, and his own earlier outputs: in
    /// a directory with the sticky bit, which keeps members from renaming what is others', nothing
    /// else.
    ///
    /// - Parameters:
    ///   - directory: where it is now.
    ///   - parent: where outputs are.
    ///   - output: for messages.
    private static func checkReplaceable(
        _ name: String, in directory: Directory, below parent: Directory, _ output: String,
        _ submitter: UInt32?
    ) throws {
        guard let old = try? directory.directory(name) else {
            throw OutputError(output: output, reason: .notDirectory)
        }
        if let submitter {
            let owner = try old.status().st_uid
            if owner != geteuid() {
                throw OutputError(output: output, reason: .foreign(userName(owner)))
            }
            let above = try parent.status()
            let isSticky = above.st_mode & S_ISVTX != 0
            if isSticky, submitter != 0, above.st_uid != submitter {
                let other = old.attribute(submitterAttribute).flatMap { UInt32($0) }
                if other != submitter {
                    let owner = other.map { userName($0) } ?? "somebody else"
                    throw OutputError(output: output, reason: .foreign(owner))
                }
            }
        }
        guard old.status(of: Checkpoint.configName) != nil else {
            if try old.entries().isEmpty { return }
            throw OutputError(output: output, reason: .notCheckpoint)
        }
    }

    private static func canonical(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
