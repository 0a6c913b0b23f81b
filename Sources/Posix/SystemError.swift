import Glibc

/// A system call that failed, with the path it was about.
package struct SystemError: Failure, Hashable {
    /// The call by the name of its manual page, e.g. `open`.
    package let call: String
    package let path: String
    package let errno: CInt

    /// Reads `errno`, so it must be made right after the call.
    package init(_ call: String, _ path: String, errno code: CInt = Glibc.errno) {
        self.call = call
        self.path = path
        self.errno = code
    }

    package var exitCode: ExitCode {
        switch errno {
        case ENOENT, ENOTDIR: .noInput
        case EACCES, EPERM: .notPermitted
        case ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM, EAGAIN: .tryAgain
        case EEXIST, EROFS: .cannotCreate
        case EFBIG where !isRead: .cannotCreate
        default: .io
        }
    }

    package var description: String {
        let advice =
            errno == EFBIG && !isRead ? "; a file may not become so large here (ulimit -f)" : ""
        return "\(escaped(path)): cannot \(call): \(String(cString: strerror(errno)))\(advice)"
    }

    private var isRead: Bool { call.hasPrefix("read") }
}
