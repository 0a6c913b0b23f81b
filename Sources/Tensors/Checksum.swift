/// Tells whether bytes came back as they were written: FNV-1a in eight interleaved lanes, with the
/// number of bytes. It finds damage, not forgery.
package struct Checksum: Sendable, Hashable {
    private var lanes = SIMD8<UInt32>(repeating: 0x811c_9dc5)
    private var count = 0

    package init() {}

    /// Of a text's UTF-8.
    package init(of text: String) {
        Array(text.utf8).withUnsafeBytes { add($0) }
    }

    /// Adds bytes; all but the last ones in multiples of 32.
    package mutating func add(_ bytes: UnsafeRawBufferPointer) {
        precondition(count % 32 == 0, "only the last bytes may be fewer")
        var lanes = lanes
        let whole = bytes.count / 32 * 32
        for start in stride(from: 0, to: whole, by: 32) {
            lanes ^= bytes.loadUnaligned(fromByteOffset: start, as: SIMD8<UInt32>.self)
            lanes &*= 0x0100_0193
        }
        if whole < bytes.count {
            var last = SIMD8<UInt32>()
            withUnsafeMutableBytes(of: &last) {
                $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[whole...]))
            }
            lanes = (lanes ^ last) &* 0x0100_0193
        }
        self.lanes = lanes
        count += bytes.count
    }

    /// 16 hexadecimal digits.
    package var text: String {
        var value: UInt64 = 0xcbf2_9ce4_8422_2325 ^ UInt64(count)
        for lane in lanes.indices { value = (value ^ UInt64(lanes[lane])) &* 0x100_0000_01b3 }
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
