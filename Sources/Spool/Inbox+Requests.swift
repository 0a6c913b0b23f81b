import Glibc
import Posix

extension Inbox {
    /// Takes the request files away; whether a request is granted is the caller's business. One that
    /// is lost in a crash is asked for again by whoever asked.
    func takeRequests(
        _ entries: [DirectoryEntry], _ directory: borrowing File, _ intake: inout Intake
    ) {
        for entry in entries where entry.kind == .file {
            var status = stat()
            // A hard link to another user's file would pass for that user's request.
            guard let name = entry.name, name.hasPrefix(Request.prefix),
                fstatat(directory.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0,
                status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1,
                let request = Request(fileName: name, uid: status.st_uid)
            else { continue }
            if unlinkat(directory.descriptor, name, 0) == 0 { intake.requests.append(request) }
        }
    }
}
