import Glibc
import Posix

/// Why a claimed file does not become a job with a manifest.
struct ClaimError: Error, Hashable, CustomStringConvertible {
    enum Reason: Hashable {
        case symbolicLink
        case hardLinks
        case notRegular
        /// It took the place of a file.
        case directory
        /// Of the daemon's own account, in an inbox to which others may write.
        case daemonsOwn
        case unreadable(String)
        /// In bytes.
        case tooLarge(Int)
        /// It went while it was taken: no job.
        case withdrawn
        /// The spool or this process is short of something: not the file's fault, to be tried
        /// again.
        case system(SystemError)
    }

    /// The owner of the link or file.
    let uid: UInt32
    let reason: Reason

    init(uid: UInt32, reason: Reason) {
        self.uid = uid
        self.reason = reason
    }

    /// What an error of opening or reading the claimed file means.
    init(uid: UInt32, opening error: SystemError) {
        self.uid = uid
        reason =
            switch error.errno {
            case ENOENT: .withdrawn
            case ELOOP: .symbolicLink
            case ENXIO: .notRegular
            case EMFILE, ENFILE, ENOMEM: .system(error)
            // Also EIO: a file on a bad disk must not hold up all others for ever.
            default: .unreadable(String(cString: strerror(error.errno)))
            }
    }

    var description: String {
        switch reason {
        case .symbolicLink: "is a symbolic link; copy the manifest itself into the inbox"
        case .hardLinks: "has more than one hard link; copy the manifest into the inbox instead"
        case .notRegular: "is not a regular file; a manifest must be one"
        case .directory: "is a directory; a manifest is a regular file"
        case .daemonsOwn:
            "belongs to the daemon's own account, which gives it no rights in an inbox that others "
                + "may write to; submit it as the user whose job it is"
        case .unreadable(let why): "cannot be read by the daemon: \(why)"
        case .tooLarge(let size):
            "is \(size) bytes or more; a manifest may have at most \(Inbox.maximumSize) bytes"
        case .withdrawn: "was withdrawn"
        case .system(let error): error.description
        }
    }
}
