import CLinux
import Glibc

/// An open file descriptor, closed when the value goes.
package struct File: ~Copyable {
    package let descriptor: CInt
    /// For error messages only.
    package let path: String

    /// open(2), always with `O_CLOEXEC`.
    package init(_ path: String, _ flags: CInt, mode: UInt32 = 0o640) throws(SystemError) {
        descriptor = stade_open(path, flags | O_CLOEXEC, mode)
        self.path = path
        if descriptor < 0 { throw SystemError("open", path) }
    }

    /// Takes over a descriptor that is open already.
    package init(owning descriptor: CInt, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { _ = Glibc.close(descriptor) }

    /// fstat(2).
    package func status() throws(SystemError) -> stat {
        var result = stat()
        if fstat(descriptor, &result) != 0 { throw SystemError("fstat", path) }
        return result
    }

    /// Writes all of `bytes` at `offset`: pwrite(2) until nothing is left.
    package func write(_ bytes: RawSpan, at offset: Int) throws(SystemError) {
        try bytes.withUnsafeBytes { bytes throws(SystemError) in
            var done = 0
            while done < bytes.count {
                let count = pwrite(
                    descriptor, bytes.baseAddress! + done, bytes.count - done,
                    off_t(offset + done))
                if count < 0 {
                    if errno == EINTR { continue }
                    throw SystemError("write", path)
                }
                done += count
            }
        }
    }

    package func write(_ bytes: [UInt8], at offset: Int) throws(SystemError) {
        try write(bytes.span.bytes, at: offset)
    }

    /// Reads to the end, or at most `limit` bytes: read(2) until nothing comes.
    package func readAll(limit: Int = .max) throws(SystemError) -> [UInt8] {
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while result.count < limit {
            let count = Glibc.read(descriptor, &chunk, min(chunk.count, limit - result.count))
            if count < 0 {
                if errno == EINTR { continue }
                throw SystemError("read", path)
            }
            if count == 0 { break }
            result.append(contentsOf: chunk[..<count])
        }
        return result
    }

    /// The whole of a file of at most `limit` bytes, by its size and by what is read: it may grow.
    package func readAll(atMost limit: Int) throws(SystemError) -> [UInt8] {
        let size = try Int(status().st_size)
        if size > limit { throw .tooLarge(path, bytes: size, limit: limit) }
        let bytes = try readAll(limit: limit < .max ? limit + 1 : limit)
        if bytes.count > limit { throw .tooLarge(path, bytes: bytes.count, limit: limit) }
        return bytes
    }

    /// The same of a regular file, and nothing else.
    package func readRegular(atMost limit: Int) throws(SystemError) -> [UInt8] {
        let type = try status().st_mode & S_IFMT
        guard type == S_IFREG else {
            throw SystemError("read", path, errno: type == S_IFDIR ? EISDIR : EINVAL)
        }
        return try readAll(atMost: limit)
    }

    /// fsync(2). After a failure the data must be written anew: a second call would report success.
    package func sync() throws(SystemError) {
        if fsync(descriptor) != 0 { throw SystemError("fsync", path) }
    }
}

/// Makes the renames and new names below a directory durable: fsync(2) on the directory itself.
package func syncDirectory(_ path: String) throws(SystemError) {
    try File(path, O_RDONLY | O_DIRECTORY).sync()
}

/// Writes a whole new file and makes it durable; an existing file is replaced.
package func writeFile(
    _ path: String, _ bytes: [UInt8], mode: UInt32 = 0o640
) throws(SystemError) {
    let file = try File(path, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
    try file.write(bytes, at: 0)
    try file.sync()
}

/// The whole of a file, refused where it is larger than `limit`.
package func readFile(_ path: String, limit: Int = .max) throws(SystemError) -> [UInt8] {
    try File(path, O_RDONLY).readAll(atMost: limit)
}

/// The whole of a regular file, refused where it is larger than `limit` or anything else: a link is
/// not followed, and neither a FIFO nor a device is waited for.
package func readRegularFile(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
    let file = try File(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
    let status = try file.status()
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw SystemError("read", path, errno: EISDIR)
    default: throw SystemError("read as a regular file", path, errno: EINVAL)
    }
    if Int(status.st_size) > limit { throw SystemError("read", path, errno: EFBIG) }
    let bytes = try file.readAll(limit: limit < .max ? limit + 1 : limit)
    // It may have grown meanwhile.
    if bytes.count > limit { throw SystemError("read", path, errno: EFBIG) }
    return bytes
}
