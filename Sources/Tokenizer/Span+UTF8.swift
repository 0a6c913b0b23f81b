extension Span<UInt8> {
    /// The scalar that begins at `index`, and its length in bytes. The bytes must be valid UTF-8.
    @inline(__always)
    func scalar(at index: Int) -> (value: UInt32, length: Int) {
        let first = UInt32(self[index])
        if first < 0x80 { return (first, 1) }
        let second = UInt32(self[index + 1] & 0x3F)
        if first < 0xE0 { return ((first & 0x1F) << 6 | second, 2) }
        let third = UInt32(self[index + 2] & 0x3F)
        if first < 0xF0 { return ((first & 0x0F) << 12 | second << 6 | third, 3) }
        let fourth = UInt32(self[index + 3] & 0x3F)
        return ((first & 0x07) << 18 | second << 12 | third << 6 | fourth, 4)
    }

    /// The scalar that ends before `index`, which must not be 0.
    func scalar(before index: Int) -> (value: UInt32, length: Int) {
        var start = index - 1
        while self[start] & 0xC0 == 0x80 { start -= 1 }
        return scalar(at: start)
    }
}

extension [UInt8] {
    mutating func append(_ text: Span<UInt8>) {
        text.withUnsafeBufferPointer { append(contentsOf: $0) }
    }

    /// Appends a scalar as UTF-8.
    mutating func append(scalar value: UInt32) {
        guard let scalar = Unicode.Scalar(value) else { return }
        append(contentsOf: UTF8.encode(scalar)!)
    }
}

extension Span<UInt8> {
    /// Where `bytes`, which must not be empty, occurs first at `start` or after it.
    func firstIndex(of bytes: [UInt8], from start: Int) -> Int? {
        var index = start
        let last = count - bytes.count
        while index <= last {
            if self[index] == bytes[0], starts(with: bytes, at: index) { return index }
            index += 1
        }
        return nil
    }

    /// Whether `bytes` stands at `index`.
    func starts(with bytes: [UInt8], at index: Int) -> Bool {
        guard count - index >= bytes.count else { return false }
        for offset in bytes.indices where self[index + offset] != bytes[offset] { return false }
        return true
    }
}
