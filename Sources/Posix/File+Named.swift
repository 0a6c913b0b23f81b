import CLinux
import Glibc

extension File {
    /// Opens a file by its path below a directory that was looked at: through no link but those
    /// that were looked at with it. What they led to then is opened, wherever they lead by now.
    ///
    /// - Parameters:
    ///   - directory: its path, for messages, and where `opened` is nil.
    ///   - opened: the directory itself; nil: whatever its path leads to.
    ///   - followSymlinks: true follows every link by its path.
    /// - Throws: `RootsError` for a link that must not be followed, `SystemError` else: `ELOOP` for
    ///   a link that nobody has looked at.
    package init(
        _ name: String, in directory: String, opened: OpenFile?, _ flags: CInt = 0,
        followSymlinks: Bool
    ) throws {
        // Without O_NONBLOCK a FIFO would be waited for.
        let flags = O_RDONLY | O_NONBLOCK | flags
        guard let opened, !followSymlinks else {
            try self.init(joined(directory, name), flags, followSymlinks: followSymlinks)
            return
        }
        switch opened.links[name] {
        case .refused(let error): throw error
        case .file(let target):
            try self.init(reopening: target, flags, path: joined(directory, name))
        case nil:
            try self.init(name, beneath: opened, flags)
        }
    }

    /// Opens a file that was only named: by /proc/self/fd, which leads to it and nothing else.
    /// - Parameter path: for messages; nil: its own.
    package init(
        reopening file: OpenFile, _ flags: CInt = O_RDONLY | O_NONBLOCK, path: String? = nil
    ) throws(SystemError) {
        let path = path ?? file.path
        let descriptor = stade_open("/proc/self/fd/\(file.descriptor)", flags | O_CLOEXEC, 0)
        if descriptor < 0 { throw SystemError("open", path) }
        self.init(owning: descriptor, path: path)
    }
}
