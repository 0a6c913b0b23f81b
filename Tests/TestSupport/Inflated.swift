import CZlib
import Posix

/// The content of a file packed by gzip.
package func inflated(_ path: String) throws -> [UInt8] {
    guard let file = gzopen(path, "rb") else { throw SystemError("gzopen", path) }
    defer { gzclose(file) }
    var result: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = gzread(file, &chunk, UInt32(chunk.count))
        guard count >= 0 else { throw SystemError("gzread", path) }
        if count == 0 { return result }
        result += chunk[..<Int(count)]
    }
}
