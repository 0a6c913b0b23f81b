import CZlib
import Documents

/// Decompresses a gzip file, RFC 1952, piece by piece; it may have several members.
struct GzipDecoder: ~Copyable {
    /// At a place of its own: zlib checks that it does not move.
    private let stream: UnsafeMutablePointer<z_stream>
    private let path: String
    /// Between members, where the file may end.
    private var isAtBoundary = true
    private var hasMember = false

    private static let chunk = 1 << 18

    init(path: String) throws(DocumentError) {
        self.path = path
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // 31: windows of up to 2^15 bytes, and a gzip header is a must.
        let size = CInt(MemoryLayout<z_stream>.size)
        guard inflateInit2_(stream, 31, ZLIB_VERSION, size) == Z_OK else {
            throw DocumentError(
                file: path, position: nil, reason: "zlib cannot start", exitCode: .tryAgain)
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Decompresses the next bytes of the file and gives `body` what comes of them, piece by piece.
    /// - Parameter body: returns false where it wants no more.
    /// - Returns: false after `body` did.
    mutating func decode(
        _ input: [UInt8], _ body: (ArraySlice<UInt8>) throws -> Bool
    ) throws -> Bool {
        var input = input
        var output = [UInt8](repeating: 0, count: Self.chunk)
        var consumed = 0
        while consumed < input.count {
            if isAtBoundary {
                // Zeros after the last member are padding, as for gzip(1).
                if hasMember, input[consumed] == 0 {
                    consumed += 1
                    continue
                }
                isAtBoundary = false
            }
            let inputCount = input.count
            let outputCount = output.count
            let (code, used, produced) = input.withUnsafeMutableBufferPointer { input in
                output.withUnsafeMutableBufferPointer { output in
                    stream.pointee.next_in = input.baseAddress.map { $0 + consumed }
                    stream.pointee.avail_in = UInt32(inputCount - consumed)
                    stream.pointee.next_out = output.baseAddress
                    stream.pointee.avail_out = UInt32(outputCount)
                    let code = inflate(stream, Z_NO_FLUSH)
                    return (
                        code, inputCount - consumed - Int(stream.pointee.avail_in),
                        outputCount - Int(stream.pointee.avail_out)
                    )
                }
            }
            guard code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR else {
                throw corrupt()
            }
            consumed += used
            if produced > 0, try !body(output[..<produced]) { return false }
            if code == Z_STREAM_END {
                isAtBoundary = true
                hasMember = true
                inflateReset(stream)
            } else if used == 0, produced == 0 {
                throw corrupt()
            }
        }
        return true
    }

    /// To be called at the end of the file.
    func finish() throws(DocumentError) {
        if !isAtBoundary || !hasMember {
            throw DocumentError(
                file: path, position: nil,
                reason: "the gzip data ends early; the file is cut short", exitCode: .data)
        }
    }

    private func corrupt() -> DocumentError {
        let detail = stream.pointee.msg.map { String(cString: $0) } ?? "no gzip data"
        return DocumentError(
            file: path, position: nil, reason: "the gzip data is corrupt: \(detail)",
            exitCode: .data)
    }
}
