import CLinux
import Glibc
import Posix

/// Files of the spool may be damaged in any way: each is read only where it is a regular file of a
/// size that it can have, and what is in the way of a new one is removed.
extension Spool {
    /// Writes a file of the spool in one step: whoever reads sees the old or the new one.
    package func put(
        _ bytes: [UInt8], _ path: String, durable: Bool = true
    ) throws(SystemError) {
        for name in [path, path + ".new"] { try clearWay(to: name) }
        try replaceFile(path, bytes, durable: durable)
    }

    /// Removes `path` where it is anything but a regular file with one name that this process may
    /// write.
    package func clearWay(to path: String) throws(SystemError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        let isUsable =
            status.st_mode & S_IFMT == S_IFREG && status.st_nlink == 1
            && access(path, W_OK) == 0
        if !isUsable { try removeTree(path) }
    }

    /// Gives way to a job's directory: whatever else has its name is kept under another one.
    /// - Returns: the other name; nil where nothing is in the way.
    @discardableResult
    func setAside(_ id: String, _ state: JobState) throws(SystemError) -> String? {
        let path = directory(id, state)
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        try makeMovable(path, status)
        for number in 1...1000 {
            // Still a name that a job can have, so that it is seen, and goes with the history.
            let name = "\(id.prefix(48))-copy\(number == 1 ? "" : "\(number)")"
            if stade_renameat2(AT_FDCWD, path, AT_FDCWD, directory(name, state), 1) == 0 {
                try syncDirectory(directory(state))
                return name
            }
            if errno != EEXIST { break }
        }
        throw SystemError("set aside", path)
    }

    /// A directory can only be moved by whoever may write to it.
    func makeMovable(_ path: String, _ status: stat) throws(SystemError) {
        guard status.st_mode & S_IFMT == S_IFDIR, status.st_mode & 0o700 != 0o700,
            geteuid() != 0
        else { return }
        if chmod(path, 0o750) != 0 { throw SystemError("chmod", path) }
    }
}
