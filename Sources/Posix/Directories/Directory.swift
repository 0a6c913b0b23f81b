import CLinux
import Glibc

/// An open directory. What is in it is found by name from its descriptor, and no link is followed:
/// it does not matter what becomes of the path by which it was opened.
package final class Directory: Sendable {
    private let file: File

    package init(_ file: consuming File) { self.file = file }

    package convenience init(_ path: String) throws(SystemError) {
        self.init(try File(path, O_RDONLY | O_DIRECTORY))
    }

    /// The very directory that was named.
    package convenience init(_ named: OpenFile) throws(SystemError) {
        let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC
        let descriptor = openat(named.descriptor, ".", flags)
        if descriptor < 0 { throw SystemError("open", named.path) }
        self.init(File(owning: descriptor, path: named.path))
    }

    package var descriptor: CInt { file.descriptor }

    /// For messages only.
    package var path: String { file.path }

    package func status() throws(SystemError) -> stat { try file.status() }

    package func identity() throws(SystemError) -> FileIdentity { FileIdentity(try status()) }

    /// Status of a name, of a link itself; nil where there is none.
    package func status(of name: String) -> stat? {
        var status = stat()
        return fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status : nil
    }

    /// An extended attribute as text; nil where there is none: fgetxattr(2).
    package func attribute(_ name: String) -> String? {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = fgetxattr(descriptor, name, &bytes, bytes.count)
        return count < 0 ? nil : String(validating: bytes.prefix(count), as: UTF8.self)
    }

    /// fsetxattr(2).
    package func setAttribute(_ name: String, _ value: String) throws(SystemError) {
        if fsetxattr(descriptor, name, value, value.utf8.count, 0) != 0 {
            throw SystemError("set an attribute of", path)
        }
    }

    /// openat(2), never through a link.
    package func open(
        _ name: String, _ flags: CInt, mode: UInt32 = 0o640
    ) throws(SystemError) -> File {
        let path = joined(path, name)
        let opened = stade_openat(descriptor, name, flags | O_NOFOLLOW | O_CLOEXEC, mode)
        if opened < 0 { throw SystemError("open", path) }
        return File(owning: opened, path: path)
    }

    /// A new file; `EEXIST` where the name is taken, by a link too.
    package func create(_ name: String) throws(SystemError) -> File {
        try open(name, O_RDWR | O_CREAT | O_EXCL)
    }

    /// A whole new file, made durable.
    package func write(_ name: String, _ bytes: [UInt8]) throws(SystemError) {
        let file = try create(name)
        try file.write(bytes, at: 0)
        try file.sync()
    }

    /// A whole file, made durable under a passing name and then renamed into place, so that a
    /// reader sees the old or the new one. The directory is not synced.
    package func replace(_ name: String, _ bytes: [UInt8]) throws(SystemError) {
        let new = name + ".new"
        unlinkat(descriptor, new, 0)
        do throws(SystemError) {
            try write(new, bytes)
            try Rename.plain(new, in: self, to: name, in: self)
        } catch {
            // On a full disk every byte counts, and a half-written file is of no use.
            unlinkat(descriptor, new, 0)
            throw error
        }
    }

    /// The whole of a regular file, refused where it is larger than `limit`; nothing is waited for.
    package func read(_ name: String, limit: Int) throws(SystemError) -> [UInt8] {
        let file = try open(name, O_RDONLY | O_NONBLOCK)
        let status = try file.status()
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw SystemError("read", file.path, errno: EINVAL)
        }
        if status.st_size > limit { throw SystemError("read", file.path, errno: EFBIG) }
        return try file.readAll(limit: limit)
    }

    /// mkdirat(2); `EEXIST` where the name is taken.
    package func makeDirectory(_ name: String, mode: mode_t) throws(SystemError) {
        if mkdirat(descriptor, name, mode) != 0 {
            throw SystemError("mkdir", joined(path, name))
        }
    }

    package func directory(_ name: String) throws(SystemError) -> Directory {
        Directory(try open(name, O_RDONLY | O_DIRECTORY | O_NONBLOCK))
    }

    package func entries() throws(SystemError) -> [DirectoryEntry] {
        try DirectoryEntry.list(file)
    }

    /// Makes new, renamed and removed names durable: fsync(2) on the directory itself.
    package func sync() throws(SystemError) { try file.sync() }

    /// All in it and below it: see `syncTree`.
    package func syncTree() throws(SystemError) { try Posix.syncTree(file) }

    /// All that is in it, but not itself: see `removeTree`.
    package func removeContents(_ bounds: TreeBounds = TreeBounds()) throws(SystemError) {
        try Posix.removeContents(of: file, bounds)
    }

    /// What all in it takes on its disk, in bytes.
    package func allocatedBytes() -> Int { Posix.allocatedBytes(below: file) }

    /// flock(2) for this process alone, as long as the directory is open.
    /// - Returns: false where another process has it. A file system without locks gives it to all.
    package func lock(patience: Double = 1) throws(SystemError) -> Bool {
        for attempt in 0... {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
            switch errno {
            case EINTR: continue
            case EWOULDBLOCK:
                // Whoever ends just now, or only looks, may hold it for a moment.
                if Double(attempt) * 0.01 >= patience { return false }
                usleep(10_000)
            case ENOLCK, ENOSYS, EOPNOTSUPP, EINVAL: return true
            default: throw SystemError("lock", path)
            }
        }
        return false
    }
}
