import Glibc
import Posix

/// The lines that a worker on another node has added to its file since the last look.
struct EventFile {
    /// In bytes; what is longer is no event.
    private static let maximumLine = 65536
    private static let maximumLook = 1 << 20

    let path: String
    private var offset = 0
    private var rest: [UInt8] = []
    private var isTooLong = false

    init(_ path: String) { self.path = path }

    /// Whole lines without their ends. The file is opened anew each time, as a file system of
    /// several machines wants it: what was closed or synced elsewhere is seen then.
    mutating func lines() -> [[UInt8]] {
        guard let file = try? File(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY),
            let status = try? file.status(), status.st_mode & S_IFMT == S_IFREG
        else { return [] }
        // Another file has its name.
        if Int(status.st_size) < offset { self = EventFile(path) }
        guard lseek(file.descriptor, off_t(offset), SEEK_SET) == offset,
            let bytes = try? file.readAll(limit: Self.maximumLook)
        else { return [] }
        offset += bytes.count
        var result: [[UInt8]] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                if !isTooLong, !rest.isEmpty { result.append(rest) }
                (rest, isTooLong) = ([], false)
            } else if rest.count < Self.maximumLine {
                rest.append(byte)
            } else {
                isTooLong = true
            }
        }
        return result
    }
}
