import CLinux
import Glibc
import Posix

/// The directory of claims: in the inbox, so that a claim is one rename, and the daemon's alone, so
/// that nobody else makes or takes one.
extension Inbox {
    /// Opens the directory of claims and makes it where it is missing. What is there and not the
    /// daemon's is moved out of the way, never entered: the inbox is the daemon's, so it may.
    func openClaims(
        _ inbox: borrowing File, _ intake: inout Intake
    ) throws(SystemError) -> File {
        let path = joined(spool.inbox, Layout.Inbox.claims)
        for _ in 0..<8 {
            let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
            let descriptor = openat(inbox.descriptor, Layout.Inbox.claims, flags)
            let code = errno
            if descriptor >= 0 {
                let file = File(owning: descriptor, path: path)
                let status = try file.status()
                if status.st_uid == account {
                    // The group bits are the mask of an access control list as well: acl(5).
                    if status.st_mode & 0o777 != 0o700, fchmod(descriptor, 0o700) != 0 {
                        throw SystemError("chmod", path)
                    }
                    return file
                }
                try moveAside(inbox, path, &intake)
            } else if code == ENOENT {
                if mkdirat(inbox.descriptor, Layout.Inbox.claims, 0o700) == 0 {
                    try inbox.sync()
                } else if errno != EEXIST {
                    throw SystemError("make the directory", path)
                }
            } else if [ELOOP, ENOTDIR, EACCES].contains(code) {
                var status = stat()
                if fstatat(inbox.descriptor, Layout.Inbox.claims, &status, AT_SYMLINK_NOFOLLOW)
                    == 0,
                    status.st_mode & S_IFMT == S_IFDIR, status.st_uid == account
                {
                    throw SystemError("open", path, errno: code)
                }
                try moveAside(inbox, path, &intake)
            } else {
                throw SystemError("open", path, errno: code)
            }
        }
        throw SystemError("open", path, errno: EBUSY)
    }

    private func moveAside(
        _ inbox: borrowing File, _ path: String, _ intake: inout Intake
    ) throws(SystemError) {
        var source = identifiers
        let other = Layout.Inbox.notClaims(source.next())
        let parent = inbox.descriptor
        if stade_renameat2(parent, Layout.Inbox.claims, parent, other, 1) == 0 {
            intake.warn(
                "\(escaped(path)) was not the daemon's and is now \(other); nothing in it was "
                    + "looked at"
            )
        } else if errno != ENOENT {
            throw SystemError("move aside", path)
        }
    }

    /// Finishes the claims that an earlier daemon, or a disk without room, has left.
    mutating func finishClaims(
        _ place: borrowing Place, _ now: Double, _ intake: inout Intake
    ) throws(SystemError) {
        if unfinished == nil {
            try returnOldClaims(place.inbox, now, &intake)
            unfinished = try DirectoryEntry.list(place.claims).compactMap(\.name)
                .filter { JobIdentifier.isValid($0) }
        }
        while let id = unfinished?.first {
            try finishClaim(id, place, now, &intake)
            unfinished?.removeFirst()
        }
    }

    private mutating func finishClaim(
        _ id: String, _ place: borrowing Place, _ now: Double, _ intake: inout Intake
    ) throws(SystemError) {
        let work = joined(spool.temporary, id)
        if spool.locate(id) != nil {
            try removeTree(work)
            removeClaim(id, place, &intake)
        } else if let record = try preparedRecord(id) {
            try finishClaim(record, place, &intake)
        } else {
            // Whose name it was went with the power.
            if let name = try putBack(id, as: id + Layout.Inbox.manifestEnding, place, &intake) {
                note(name.utf8CString.map { $0 }, .moved, place.inbox, now, isLook: false, &intake)
            }
            try removeTree(work)
        }
    }

    /// The record that `prepare` wrote; nil where it is missing or damaged.
    private func preparedRecord(_ id: String) throws(SystemError) -> JobRecord? {
        do {
            return try spool.record(in: joined(spool.temporary, id), id: id, state: .queued)
        } catch let error as SystemError where error.exitCode == .tryAgain {
            throw error
        } catch {
            return nil
        }
    }

    func removeClaim(_ id: String, _ place: borrowing Place, _ intake: inout Intake) {
        if unlinkat(place.claims.descriptor, id, 0) != 0, errno != ENOENT {
            let error = SystemError("remove", joined(place.claims.path, id))
            intake.warn("\(error); the daemon must own the inbox")
        }
    }

    /// Makes an ordinary name in the inbox of a claim.
    /// - Returns: the name; nil where that failed.
    @discardableResult
    func putBack(
        _ id: String, as name: String, _ place: borrowing Place, _ intake: inout Intake
    ) throws(SystemError) -> String? {
        let (inbox, claims) = (place.inbox.descriptor, place.claims.descriptor)
        for name in [name] + Self.otherNames(id) {
            if stade_renameat2(claims, id, inbox, name, 1) == 0 {
                try place.inbox.sync()
                intake.warn("\(escaped(name)) was not taken and is in the inbox again")
                return name
            }
            if errno == ENOENT { return nil }
            if errno != EEXIST { break }
        }
        intake.warn("\(SystemError("put back", joined(place.claims.path, id)))")
        return nil
    }

    private static func otherNames(_ id: String) -> [String] {
        (1...100).map { ($0 == 1 ? id : "\(id)-\($0)") + Layout.Inbox.manifestEnding }
    }

    /// Gives what an older daemon was claiming when it went down, as `.claim-<id>` in the inbox
    /// itself, its name again, once. Only what the spool has a record of counts: anybody can make
    /// such a name.
    private mutating func returnOldClaims(
        _ inbox: borrowing File, _ now: Double, _ intake: inout Intake
    ) throws(SystemError) {
        let temporary = try File(spool.temporary, O_RDONLY | O_DIRECTORY)
        let ids = try DirectoryEntry.list(temporary).compactMap(\.name)
            .filter { JobIdentifier.isValid($0) && spool.locate($0) == nil }
        for id in ids where !Self.exists(joined(Layout.Inbox.claims, id), inbox) {
            let old = Layout.Inbox.olderClaim(id)
            guard Self.isFile(old, inbox), let record = try preparedRecord(id) else { continue }
            let parent = inbox.descriptor
            let name = ([record.file] + Self.otherNames(id)).first {
                stade_renameat2(parent, old, parent, $0, 1) == 0 || errno != EEXIST
            }
            if let name, Self.isFile(name, inbox), !Self.isFile(old, inbox) {
                try inbox.sync()
                intake.warn("\(escaped(name)) was not taken and is in the inbox again")
                note(name.utf8CString.map { $0 }, .moved, inbox, now, isLook: false, &intake)
            } else {
                intake.warn("\(SystemError("put back", joined(spool.inbox, old)))")
            }
            try removeTree(joined(spool.temporary, id))
        }
    }

    private static func isFile(_ name: String, _ directory: borrowing File) -> Bool {
        var status = stat()
        return fstatat(directory.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0
            && status.st_mode & S_IFMT != S_IFDIR
    }

    /// Whether `tmp/<id>` belongs to a claim.
    static func isClaimed(_ id: String, _ inbox: borrowing File) -> Bool {
        JobIdentifier.isValid(id)
            && (exists(joined(Layout.Inbox.claims, id), inbox)
                || isFile(Layout.Inbox.olderClaim(id), inbox))
    }

    private static func exists(_ name: String, _ directory: borrowing File) -> Bool {
        var status = stat()
        return fstatat(directory.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0
    }
}
