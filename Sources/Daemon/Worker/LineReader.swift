import Glibc

/// Lines from a pipe that must not block.
struct LineReader {
    /// What is longer is cut into pieces: nobody may fill the daemon's memory.
    private static let maximumLength = 65536

    let descriptor: CInt
    private var rest: [UInt8] = []
    private(set) var isAtEnd = false

    /// Makes `descriptor` non-blocking; it stays the caller's to close.
    init(_ descriptor: CInt) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    }

    /// The whole lines that have come since the last call, without their newlines; at the end of
    /// the file also what is left.
    mutating func lines() -> [[UInt8]] {
        // Once at the end the descriptor may be closed, and its number another pipe's.
        if isAtEnd { return [] }
        var result: [[UInt8]] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        // A bounded number of reads: a worker that never stops writing must not stop the daemon.
        for _ in 0..<64 {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            if count == 0 || (count < 0 && errno != EAGAIN) { isAtEnd = true }
            if count <= 0 { break }
            for byte in chunk[..<count] {
                if byte == UInt8(ascii: "\n") || rest.count == Self.maximumLength {
                    result.append(rest)
                    rest = []
                }
                if byte != UInt8(ascii: "\n") { rest.append(byte) }
            }
        }
        if isAtEnd && !rest.isEmpty {
            result.append(rest)
            rest = []
        }
        return result
    }
}
