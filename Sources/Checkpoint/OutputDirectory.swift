import Glibc
import Posix

/// An output on its way: built beside its place under another name, then renamed at once.
package final class OutputDirectory: Sendable {
    /// Where it will be.
    package let path: String
    /// Where it is built: `.stade-<id>.partial` in the same directory.
    package let partial: String
    private let parent: File
    private let name: String
    private let partialName: String
    private let overwrite: Bool

    /// Makes the empty partial directory; what an earlier attempt of the same job left is removed.
    ///
    /// - Parameters:
    ///   - output: absolute.
    ///   - id: of the job; letters, digits and `-`.
    ///   - isResumed: takes what the earlier attempt left instead.
    ///   - followSymlinks: false refuses a symbolic link on the way to `output`.
    /// - Throws: `OutputError` where the parent is missing, `SystemError` where the system refuses.
    package init(
        output: String, id: String, overwrite: Bool, isResumed: Bool = false,
        followSymlinks: Bool = true
    ) throws {
        precondition(!id.isEmpty && !id.utf8.contains(UInt8(ascii: "/")), "an id is part of a name")
        parent = try Self.openParent(of: output, followSymlinks: followSymlinks)
        name = Self.name(of: output)
        path = joined(parent.path, name)
        partialName = Self.partialName(id)
        partial = joined(parent.path, partialName)
        self.overwrite = overwrite
        if isResumed {
            // Nobody else's: the parent may be open to others.
            let descriptor = openat(
                parent.descriptor, partialName, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            if descriptor < 0 { throw SystemError("open", partial) }
            let status = try File(owning: descriptor, path: partial).status()
            guard status.st_uid == geteuid() else {
                throw SystemError("resume", partial, errno: EPERM)
            }
            return
        }
        try removeTree(partialName, in: parent.descriptor)
        if mkdirat(parent.descriptor, partialName, 0o750) != 0 {
            throw SystemError("mkdir", partial)
        }
    }

    /// Where an output is built.
    package static func partial(output: String, id: String) -> String {
        joined(parentPath(of: output), partialName(id))
    }

    /// The directory that holds an output, or will.
    package static func parentPath(of output: String) -> String {
        let names = output.split(separator: "/").dropLast()
        return (output.hasPrefix("/") ? "/" : "./") + names.joined(separator: "/")
    }

    private static func partialName(_ id: String) -> String { ".stade-\(id).partial" }

    /// Makes everything in the partial directory durable and renames it into place.
    ///
    /// At any moment there is the old output, the new one or, without `overwrite`, none; never half
    /// of one. (On a file system that cannot exchange names, an old output is away for a moment.)
    /// - Returns: what kept the old output, now at `partial`, from being removed, if anything did; the
    ///   new one is in place all the same.
    /// - Throws: `OutputError.Reason.exists` where something has come into its place.
    @discardableResult
    package func publish() throws -> SystemError? {
        try syncTree(partial)
        if let failure = Rename.new(partialName, name, in: parent) {
            switch failure.errno {
            case EEXIST where overwrite: try exchange()
            case EEXIST: throw OutputError(output: path, reason: .exists)
            case EINVAL, ENOSYS: try publishWithoutFlags()
            default: throw failure
            }
        }
        try parent.sync()
        // After an exchange it is the old output that has this name.
        do throws(SystemError) {
            try removeTree(partialName, in: parent.descriptor)
            return nil
        } catch {
            return error
        }
    }

    /// The inode of the partial directory, which it keeps where it is published.
    package func inode() throws(SystemError) -> Int {
        guard let inode = Self.inode(partialName, in: parent) else {
            throw SystemError("stat", partial)
        }
        return inode
    }

    /// Publishes a directory that is complete, unless that was done before.
    ///
    /// - Parameter inode: tells it from an old output, which after an exchange bears its name.
    /// - Returns: false where it is neither under its old name nor under its new one.
    package static func publish(
        inode: Int, output: String, id: String, overwrite: Bool, followSymlinks: Bool
    ) throws -> Bool {
        let parent = try openParent(of: output, followSymlinks: followSymlinks)
        let partialName = partialName(id)
        if Self.inode(name(of: output), in: parent) == inode {
            try parent.sync()
            try removeTree(partialName, in: parent.descriptor)
            return true
        }
        guard Self.inode(partialName, in: parent) == inode else { return false }
        try OutputDirectory(
            output: output, id: id, overwrite: overwrite, isResumed: true,
            followSymlinks: followSymlinks
        ).publish()
        return true
    }

    private static func inode(_ name: String, in directory: borrowing File) -> Int? {
        var status = stat()
        guard fstatat(directory.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            return nil
        }
        return Int(truncatingIfNeeded: status.st_ino)
    }

    /// Removes the partial directory; harmless after `publish`.
    package func discard() throws(SystemError) {
        try removeTree(partialName, in: parent.descriptor)
    }

    private func exchange() throws {
        try Self.checkReplaceable(path)
        if let failure = Rename.exchange(partialName, name, in: parent) {
            guard failure.errno == EINVAL || failure.errno == ENOSYS else { throw failure }
            try replace()
        }
    }

    /// For file systems that know no flags of renameat2(2). A directory that comes into being
    /// between look and rename makes the rename fail, unless it is empty.
    private func publishWithoutFlags() throws {
        var status = stat()
        if fstatat(parent.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 {
            guard overwrite else { throw OutputError(output: path, reason: .exists) }
            try Self.checkReplaceable(path)
            try replace()
        } else {
            try Rename.plain(partialName, name, in: parent)
        }
    }

    private func replace() throws {
        let aside = partialName + ".old"
        try removeTree(aside, in: parent.descriptor)
        try Rename.plain(name, aside, in: parent)
        do {
            try Rename.plain(partialName, name, in: parent)
        } catch {
            try Rename.plain(aside, name, in: parent)
            throw error
        }
        // The name that `publish` removes.
        try Rename.plain(aside, partialName, in: parent)
    }
}

extension OutputDirectory {
    /// Checks that an output could be written, and leaves nothing behind.
    ///
    /// - Parameters:
    ///   - bytes: how much will be written.
    ///   - inputs: what the job reads: absolute paths of files and directories that are not to go when
    ///     an old output is overwritten.
    package static func check(
        output: String, overwrite: Bool, bytes: Int, inputs: [String],
        followSymlinks: Bool = true
    ) throws {
        let parent = try openParent(of: output, followSymlinks: followSymlinks)
        let name = name(of: output)
        if faccessat(AT_FDCWD, parent.path, W_OK | X_OK, AT_EACCESS) != 0 {
            let reason = String(cString: strerror(errno))
            throw OutputError(
                output: output, reason: .notWritable(parent: parent.path, because: reason))
        }
        var status = stat()
        if fstatat(parent.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 {
            guard overwrite else { throw OutputError(output: output, reason: .exists) }
            try checkReplaceable(output)
            let old = canonical(output)
            if let input = inputs.first(where: { (canonical($0) + "/").hasPrefix(old + "/") }) {
                throw OutputError(output: output, reason: .holdsInput(input))
            }
        }
        try checkSpace(bytes, output: output, parent)
    }

    /// Whether so many bytes have room where `output` is, or will be in `parent`. Root's reserve does
    /// not count as free.
    package static func checkSpace(
        _ bytes: Int, output: String, _ parent: borrowing File
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

    /// An old output that may go: a checkpoint, or an empty directory.
    private static func checkReplaceable(_ output: String) throws {
        var status = stat()
        guard lstat(output, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw OutputError(output: output, reason: .notDirectory)
        }
        let old = try openToRead(output, O_DIRECTORY | O_NOFOLLOW, followSymlinks: true)
        let names = try DirectoryEntry.list(old).map(\.name)
        if !names.isEmpty, !names.contains(Checkpoint.configName) {
            throw OutputError(output: output, reason: .notCheckpoint)
        }
    }

    private static func name(of output: String) -> String {
        String(output.split(separator: "/").last ?? "")
    }

    private static func openParent(of output: String, followSymlinks: Bool) throws -> File {
        let path = parentPath(of: output)
        var status = stat()
        let isThere = stat(path, &status) == 0
        if isThere ? status.st_mode & S_IFMT != S_IFDIR : errno == ENOENT || errno == ENOTDIR {
            throw OutputError(output: output, reason: .noParent)
        }
        return try openToRead(path, O_DIRECTORY, followSymlinks: followSymlinks)
    }

    private static func canonical(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
