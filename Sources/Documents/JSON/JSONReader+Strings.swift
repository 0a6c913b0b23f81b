extension JSONReader {
    mutating func string() throws(DocumentError) -> String {
        offset += 1
        let start = offset
        var end = start
        var continuations = 0
        while end < count {
            let byte = bytes[end]
            if byte == UInt8(ascii: "\"") {
                // Shorter ones are in the node itself.
                if end - start > 15 { try spend(Self.box + end - start) }
                let result = text(start..<end)
                offset = end + 1
                lineStart += continuations
                return result
            }
            if byte == UInt8(ascii: "\\") || byte < 0x20 { break }
            if byte & 0xC0 == 0x80 { continuations += 1 }
            end += 1
        }
        offset = end
        lineStart += continuations
        return try escapedString(from: start)
    }

    /// The rest of a string that began at `start` and has something other than text at `offset`.
    private mutating func escapedString(from start: Int) throws(DocumentError) -> String {
        unescaped.removeAll(keepingCapacity: true)
        unescaped.append(
            contentsOf: UnsafeBufferPointer(start: bytes + start, count: offset - start))
        while offset < count {
            let byte = bytes[offset]
            if byte == UInt8(ascii: "\"") {
                offset += 1
                if unescaped.count > 15 { try spend(Self.box + unescaped.count) }
                return String(decoding: unescaped, as: UTF8.self)
            }
            if byte == UInt8(ascii: "\\") {
                try escape()
                continue
            }
            if byte < 0x20 {
                throw unexpected("text, in which control characters are written as escapes")
            }
            if byte & 0xC0 == 0x80 { lineStart += 1 }
            unescaped.append(byte)
            offset += 1
        }
        throw source.error(
            "found the end of the document inside a string; expected '\"'", offset: start - 1)
    }

    private mutating func escape() throws(DocumentError) {
        let start = offset
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): unescaped.append(byte)
        case UInt8(ascii: "b"): unescaped.append(0x08)
        case UInt8(ascii: "f"): unescaped.append(0x0C)
        case UInt8(ascii: "n"): unescaped.append(0x0A)
        case UInt8(ascii: "r"): unescaped.append(0x0D)
        case UInt8(ascii: "t"): unescaped.append(0x09)
        case UInt8(ascii: "u"):
            offset += 1
            var code = try codeUnit()
            if code & 0xFC00 == 0xD800, offset + 1 < count, bytes[offset] == UInt8(ascii: "\\"),
                bytes[offset + 1] == UInt8(ascii: "u")
            {
                offset += 2
                let low = try codeUnit()
                if low & 0xFC00 == 0xDC00 {
                    code = 0x10000 + (code & 0x3FF) << 10 + (low & 0x3FF)
                }
            }
            guard let scalar = Unicode.Scalar(code) else {
                throw source.error(
                    "found \(text(start..<start + 6)), half of a surrogate pair; expected both "
                        + "halves", offset: start)
            }
            unescaped.append(contentsOf: UTF8.encode(scalar)!)
            return
        default: throw unexpected("one of \"\\/bfnrtu after a backslash")
        }
        offset += 1
    }

    /// Four hexadecimal digits.
    private mutating func codeUnit() throws(DocumentError) -> UInt32 {
        var result: UInt32 = 0
        for _ in 0..<4 {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw unexpected("four hexadecimal digits after \\u")
            }
            result = result << 4 | UInt32(digit)
            offset += 1
        }
        return result
    }
}
