/// Tells whether bytes came back as they were written: FNV-1a in eight interleaved lanes, with the
/// number of bytes. It finds damage, not forgery. It does not depend on the pieces in which they
/// come.
package struct Checksum: Sendable, Hashable {
    /// Bytes that the lanes take in one step.
    private static let step = MemoryLayout<SIMD8<UInt32>>.size

    private var lanes = SIMD8<UInt32>(repeating: 0x811c_9dc5)
    /// What came behind the last whole step, with zeros behind it.
    private var rest = SIMD8<UInt32>()
    private var count = 0

    package init() {}

    /// Of a text's UTF-8.
    package init(of text: String) {
        add(Array(text.utf8).span.bytes)
    }

    package mutating func add(_ bytes: RawSpan) { bytes.withUnsafeBytes { add($0) } }

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        var bytes = bytes
        if count % Self.step != 0 {
            let missing = min(Self.step - count % Self.step, bytes.count)
            keep(UnsafeRawBufferPointer(rebasing: bytes[..<missing]))
            if count % Self.step != 0 { return }
            lanes = (lanes ^ rest) &* 0x0100_0193
            rest = SIMD8()
            bytes = UnsafeRawBufferPointer(rebasing: bytes[missing...])
        }
        var lanes = lanes
        let whole = bytes.count / Self.step * Self.step
        for start in stride(from: 0, to: whole, by: Self.step) {
            lanes ^= bytes.loadUnaligned(fromByteOffset: start, as: SIMD8<UInt32>.self)
            lanes &*= 0x0100_0193
        }
        self.lanes = lanes
        count += whole
        keep(UnsafeRawBufferPointer(rebasing: bytes[whole...]))
    }

    /// Adds fewer bytes than a step lacks, or as many.
    private mutating func keep(_ bytes: UnsafeRawBufferPointer) {
        let place = count % Self.step
        withUnsafeMutableBytes(of: &rest) {
            UnsafeMutableRawBufferPointer(rebasing: $0[place...]).copyMemory(from: bytes)
        }
        count += bytes.count
    }

    /// 16 hexadecimal digits.
    package var text: String {
        var value: UInt64 = 0xcbf2_9ce4_8422_2325 ^ UInt64(count)
        let lanes = count % Self.step == 0 ? lanes : (lanes ^ rest) &* 0x0100_0193
        for lane in lanes.indices { value = (value ^ UInt64(lanes[lane])) &* 0x100_0000_01b3 }
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
