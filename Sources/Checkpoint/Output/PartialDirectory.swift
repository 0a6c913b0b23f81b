import Glibc
import Posix

/// The private directory beside its outputs in which a job builds them, `.stade-<id>.partial`: on
/// the same mount, so that publishing is one rename, and closed to all but this account.
///
/// The directory that holds it may be anybody's. Whoever may write there may rename this one away
/// or put another in its place: nothing is found by its path, so no file of ours gets into theirs
/// and none of theirs into an output. What a directory is says the mark in it, which nobody else
/// could write.
package final class PartialDirectory: Sendable {
    /// That holds the outputs, and this.
    package let parent: Directory
    package let directory: Directory
    package let name: String
    package let identity: FileIdentity
    /// Whose files alone are removed; nil: whoever's.
    private let owner: uid_t?

    private static let markLimit = 1024

    /// Whose leftovers it would be.
    package struct Mark: Sendable, Hashable {
        package let id: String
        /// The directory beside it whose snapshot goes on from it; empty: none.
        package let snapshot: String
        /// A daemon's, which cleans up by its records.
        package let isDaemons: Bool

        package init(id: String, snapshot: String = "", isDaemons: Bool = false) {
            self.id = id
            self.snapshot = snapshot
            self.isDaemons = isDaemons
        }

        var bytes: [UInt8] { Array("1\n\(id)\n\(isDaemons ? 1 : 0)\n\(snapshot)\n".utf8) }

        init?(_ bytes: [UInt8]) {
            let lines = String(decoding: bytes, as: UTF8.self).split(
                separator: "\n", omittingEmptySubsequences: false)
            guard lines.count == 5, lines[0] == "1" else { return nil }
            self.init(
                id: String(lines[1]), snapshot: String(lines[3]), isDaemons: lines[2] == "1")
        }
    }

    private init(
        _ parent: Directory, _ directory: Directory, _ name: String, _ identity: FileIdentity,
        owner: uid_t?
    ) {
        self.owner = owner
        self.parent = parent
        self.directory = directory
        self.name = name
        self.identity = identity
    }

    /// Makes it, empty. What an earlier attempt of the same job left at its name is removed; what
    /// is anybody else's stays, and another name is taken.
    ///
    /// - Parameters:
    ///   - mustBePrivate: refuses a file system that keeps no permissions.
    ///   - taken: told of each name that is somebody else's.
    /// - Throws: `OutputError` where no name is free, `SystemError` where the system refuses.
    package static func make(
        _ mark: Mark, in parent: Directory, mustBePrivate: Bool,
        taken: (String) -> Void = { _ in }
    ) throws -> PartialDirectory {
        for name in Layout.Partial.names(mark.id) {
            for _ in 0..<3 {
                let (made, isTaken) = try make(name, mark, in: parent, mustBePrivate)
                if let made { return made }
                if isTaken {
                    taken(joined(parent.path, name))
                    break
                }
            }
        }
        throw OutputError(output: parent.path, reason: .namesTaken)
    }

    /// - Returns: nil where the name is another's, or has just gone.
    private static func make(
        _ name: String, _ mark: Mark, in parent: Directory, _ mustBePrivate: Bool
    ) throws -> (PartialDirectory?, isTaken: Bool) {
        var isNew = true
        do throws(SystemError) {
            try parent.makeDirectory(name, mode: 0o700)
        } catch {
            if error.errno != EEXIST { throw error }
            isNew = false
        }
        guard let opened = try open(name, in: parent) else { return (nil, true) }
        let status = try opened.status()
        // Some file systems know neither owners nor modes, or others than ours.
        let passes =
            isNew && !mustBePrivate && (geteuid() != 0 || status.st_uid == 0)
        guard isPrivate(status) || passes else {
            if isNew, status.st_uid == geteuid() {
                unlinkat(parent.descriptor, name, AT_REMOVEDIR)
                throw OutputError(output: parent.path, reason: .notPrivate)
            }
            return (nil, true)
        }
        guard try isNew || belongs(opened, to: mark.id), try opened.lock() else {
            return (nil, true)
        }
        // Whoever looked for leftovers may have found it before it was locked.
        guard parent.status(of: name).map({ FileIdentity($0) }) == FileIdentity(status) else {
            return (nil, false)
        }
        let owner = mustBePrivate ? geteuid() : nil
        let made = PartialDirectory(parent, opened, name, FileIdentity(status), owner: owner)
        if !isNew { try made.empty() }
        try opened.write(Layout.Partial.mark, mark.bytes)
        return (made, false)
    }

    /// nil where the name is no directory that this account may enter.
    private static func open(_ name: String, in parent: Directory) throws -> Directory? {
        do throws(SystemError) {
            return try parent.directory(name)
        } catch {
            if error.exitCode == .tryAgain { throw error }
            return nil
        }
    }

    /// Whether a private directory is of a job. One whose mark was lost, or not yet written, is
    /// what its name says, unless it is an output.
    private static func belongs(_ directory: Directory, to id: String) throws -> Bool {
        do {
            return try mark(of: directory).id == id
        } catch {
            if (error as? any Failure)?.exitCode == .tryAgain { throw error }
            return directory.status(of: Checkpoint.configName) == nil
        }
    }

    /// Takes over what an earlier attempt has left.
    ///
    /// - Throws: `OutputError` where it is another one, or in use.
    package init(
        resuming name: String, _ identity: FileIdentity, id: String, in parent: Directory,
        mustBePrivate: Bool
    ) throws {
        let opened = try parent.directory(name)
        let status = try opened.status()
        guard FileIdentity(status) == identity, !mustBePrivate || Self.isPrivate(status),
            try Self.mark(of: opened).id == id
        else { throw OutputError(output: opened.path, reason: .replaced) }
        guard try opened.lock() else { throw OutputError(output: opened.path, reason: .inUse) }
        self.parent = parent
        directory = opened
        self.name = name
        self.identity = identity
        owner = mustBePrivate ? geteuid() : nil
    }

    /// Removes all that is in it; last the mark, without which nobody would know what it is.
    private func empty() throws(SystemError) {
        for entry in try directory.entries() where entry.name != Layout.Partial.mark {
            try removeTree(entry.bytes, in: directory, TreeBounds(owner: owner))
        }
        if unlinkat(directory.descriptor, Layout.Partial.mark, 0) != 0, errno != ENOENT {
            throw SystemError("remove", joined(directory.path, Layout.Partial.mark))
        }
    }

    /// Removes all that is in it, then itself unless it was moved away.
    package func remove() throws(SystemError) {
        try empty()
        // At its name may be another one by now: an empty one would be all that goes.
        if let status = parent.status(of: name), FileIdentity(status) == identity,
            unlinkat(parent.descriptor, name, AT_REMOVEDIR) != 0, errno != ENOENT
        {
            throw SystemError("remove", directory.path)
        }
    }

    /// This account's and closed to all others; bits of a group are those that an access control
    /// list gives at most: acl(5).
    private static func isPrivate(_ status: stat) -> Bool {
        status.st_mode & S_IFMT == S_IFDIR && status.st_uid == geteuid()
            && status.st_mode & 0o077 == 0
    }

    private static func mark(of directory: Directory) throws -> Mark {
        let bytes = try directory.read(Layout.Partial.mark, limit: markLimit)
        guard let mark = Mark(bytes) else {
            throw SystemError("read", joined(directory.path, Layout.Partial.mark), errno: EINVAL)
        }
        return mark
    }
}

extension PartialDirectory {
    /// What dead attempts of a job have left, of this account's and with the job's mark, is
    /// removed. What is in use, or another's, stays.
    package static func removeLeftovers(of id: String, in parent: Directory) throws {
        for name in Layout.Partial.names(id) {
            guard parent.status(of: name) != nil,
                let found = try leftover(name, in: parent, owner: geteuid()),
                try belongs(found.directory, to: id)
            else { continue }
            try found.remove()
        }
    }

    /// What all attempts of a job take on the disk, in bytes.
    package static func allocatedBytes(of id: String, in parent: Directory) -> Int {
        Layout.Partial.names(id).reduce(0) { sum, name in
            guard let opened = try? parent.directory(name), let status = try? opened.status(),
                isPrivate(status), (try? mark(of: opened))?.id == id
            else { return sum }
            return sum + opened.allocatedBytes()
        }
    }

    /// What became of a leftover of some job without a daemon.
    package enum Leftover: Sendable, Hashable {
        case removed(String)
        /// It may be of use to somebody, or cannot be removed: why.
        case kept(String, because: String)
    }

    /// Cleans up after processes that have died: the unfinished outputs in `parent` of this account
    /// that nobody locks.
    package static func removeStale(in parent: Directory) -> [Leftover] {
        guard let entries = try? parent.entries() else { return [] }
        return entries.filter { $0.kind == .directory }.compactMap(\.name).filter {
            Layout.Partial.isOne($0)
        }.prefix(maximumStale).compactMap { name in
            guard let status = parent.status(of: name), status.st_uid == geteuid() else {
                return nil
            }
            let path = joined(parent.path, name)
            guard let found = try? leftover(name, in: parent, owner: nil) else {
                // In use, or made by an earlier version: that one locked nothing.
                guard status.st_mode & 0o077 != 0 else { return nil }
                return .kept(
                    path, because: "it has no mark of this version; remove it if no job builds it")
            }
            let mark = try? mark(of: found.directory)
            if mark?.isDaemons == true { return nil }
            // Its process was killed before it had written the mark, which comes first.
            let isBare =
                (try? found.directory.entries())?.allSatisfy { $0.name == Layout.Partial.mark }
                == true
            if mark == nil, !isBare {
                return .kept(path, because: "its mark is damaged; remove it if no job builds it")
            }
            if let mark, !mark.snapshot.isEmpty,
                let snapshot = try? parent.directory(mark.snapshot),
                snapshot.status(of: Layout.Snapshot.progress) != nil
            {
                return nil
            }
            do throws(SystemError) {
                try found.remove()
                return .removed(path)
            } catch {
                return .kept(path, because: error.description)
            }
        }
    }

    /// In one look; the next one finds the rest.
    private static let maximumStale = 64

    /// One of this account's that nobody uses, locked.
    private static func leftover(
        _ name: String, in parent: Directory, owner: uid_t?
    ) throws -> PartialDirectory? {
        guard let opened = try open(name, in: parent) else { return nil }
        let status = try opened.status()
        guard isPrivate(status), try opened.lock(patience: 0) else { return nil }
        return PartialDirectory(parent, opened, name, FileIdentity(status), owner: owner)
    }
}
