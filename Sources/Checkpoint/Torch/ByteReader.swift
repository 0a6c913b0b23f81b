/// Reads little-endian integers one after the other, and never beyond the end.
struct ByteReader {
    private let all: UnsafeRawBufferPointer
    /// Bytes from the start of what was given.
    private(set) var position: Int
    let end: Int

    init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>? = nil) {
        all = bytes
        position = range?.lowerBound ?? 0
        end = range?.upperBound ?? bytes.count
    }

    /// The same bytes from another place on.
    func at(_ position: Int) -> ByteReader {
        ByteReader(all, min(max(0, position), end)..<end)
    }

    func integer<Integer: FixedWidthInteger>(_: Integer.Type, at place: Int) -> Integer? {
        let size = MemoryLayout<Integer>.size
        guard place >= 0, place <= end - size else { return nil }
        return Integer(
            littleEndian: all.loadUnaligned(fromByteOffset: place, as: Integer.self))
    }

    mutating func integer<Integer: FixedWidthInteger>(_ type: Integer.Type) -> Integer? {
        guard let value = integer(type, at: position) else { return nil }
        position += MemoryLayout<Integer>.size
        return value
    }

    mutating func bytes(_ count: Int) -> UnsafeRawBufferPointer? {
        guard count >= 0, count <= end - position else { return nil }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: all[position..<position + count])
    }

    mutating func skip(_ count: Int) -> Bool { bytes(count) != nil }

    /// Up to a newline, which is left out too.
    mutating func line(atMost limit: Int) -> UnsafeRawBufferPointer? {
        let rest = all[position..<min(end, position + limit)]
        guard let newline = rest.firstIndex(of: 0x0A) else { return nil }
        defer { position = newline + 1 }
        return UnsafeRawBufferPointer(rebasing: all[position..<newline])
    }
}
