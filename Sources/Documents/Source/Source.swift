import Posix

/// The bytes of a document while it is read, and what its errors need.
struct Source {
    let bytes: UnsafeRawBufferPointer
    let file: String
    let exitCode: ExitCode

    func error(_ reason: String, at position: Node.Position?) -> DocumentError {
        DocumentError(file: file, position: position, reason: reason, exitCode: exitCode)
    }

    func error(_ reason: String, offset: Int) -> DocumentError {
        error(reason, at: position(of: offset))
    }

    /// Line and column of a byte, counted from the start: for errors only.
    func position(of offset: Int) -> Node.Position {
        var line = 1
        var column = 1
        for byte in bytes.prefix(offset) {
            if byte == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
        return Node.Position(line: line, column: column)
    }

    /// Refuses bytes that are not well-formed UTF-8.
    func checkUTF8() throws(DocumentError) {
        do {
            _ = try UTF8Span(validating: bytes.bindMemory(to: UInt8.self).span)
        } catch {
            let offset = error.byteOffsets.lowerBound
            throw self.error(
                "found the byte 0x\(hexadecimal(bytes[offset])), which is not UTF-8; expected text "
                    + "in UTF-8", offset: offset)
        }
    }

    private func hexadecimal(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }
}
