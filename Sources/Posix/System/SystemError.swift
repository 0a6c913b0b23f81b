import Glibc

/// A system call that failed, with the path it was about.
package struct SystemError: Failure, Hashable {
    /// The call by the name of its manual page, e.g. `open`.
    package let call: String
    package let path: String
    package let errno: CInt
    /// What else is to be known, as a size and its bound.
    package let detail: String?

    /// Reads `errno`, so it must be made right after the call.
    package init(
        _ call: String, _ path: String, errno code: CInt = Glibc.errno, detail: String? = nil
    ) {
        self.call = call
        self.path = path
        self.errno = code
        self.detail = detail
    }

    /// A file that is larger than what is read of its kind.
    package static func tooLarge(_ path: String, bytes: Int, limit: Int) -> SystemError {
        SystemError(
            "read", path, errno: EFBIG,
            detail: "\(bytes) bytes, at most \(limit) are read of such a file")
    }

    package var exitCode: ExitCode {
        switch errno {
        case ENOENT, ENOTDIR: .noInput
        case EACCES, EPERM: .notPermitted
        case ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM, EAGAIN: .tryAgain
        case EEXIST, EROFS: .cannotCreate
        case EFBIG: isRead ? .data : .cannotCreate
        default: .io
        }
    }

    package var description: String {
        let advice =
            errno == EFBIG && !isRead ? "; a file may not become so large here (ulimit -f)" : ""
        return "\(escaped(path)): cannot \(call): \(String(cString: strerror(errno)))"
            + (detail.map { ": \($0)" } ?? advice)
    }

    private var isRead: Bool { call.hasPrefix("read") }
}
