import Tensors

extension TensorView {
    /// Goes through the tensor in pieces that leave memory again.
    /// - Throws: `CheckpointError` that names the first NaN or infinity.
    package func checkFinite() throws(CheckpointError) {
        for start in stride(from: 0, to: byteCount, by: Self.piece) {
            let part = start..<min(start + Self.piece, byteCount)
            populate(part)
            defer { release(part) }
            try withBytes(part) { bytes throws(CheckpointError) in
                try checkFinite(bytes, at: start)
            }
        }
    }

    /// The same for a part that was read, `start` bytes from the first element.
    package func checkFinite(
        _ bytes: RawSpan, at start: Int
    ) throws(CheckpointError) {
        guard let found = bytes.withUnsafeBytes({ firstNonFinite($0) }) else { return }
        throw CheckpointError(
            file: path, tensor: name,
            reason: .nonFinite(index: start / type.size + found, shape: shape))
    }

    /// Bytes looked at, or copied, in one go: a multiple of every element's size.
    static let piece = 4 << 20

    /// The index of the first NaN or infinity; nil where there is none, and for what is no weight.
    private func firstNonFinite(_ bytes: UnsafeRawBufferPointer) -> Int? {
        switch type {
        case .float32: firstSaturated(bytes, exponent: 0x7F80_0000 as UInt32)
        case .bfloat16: firstSaturated(bytes, exponent: 0x7F80 as UInt16)
        case .float16: firstSaturated(bytes, exponent: 0x7C00 as UInt16)
        default: nil
        }
    }
}

/// The first element whose exponent bits are all set, which is what NaN and infinity have in common
/// (IEEE 754). The largest exponent of a stretch tells whether to look closer, and a maximum
/// vectorises where a search does not.
@inline(never)
private func firstSaturated<Bits: FixedWidthInteger & UnsignedInteger>(
    _ bytes: UnsafeRawBufferPointer, exponent: Bits
) -> Int? {
    guard let start = bytes.baseAddress else { return nil }
    let size = MemoryLayout<Bits>.size
    let count = bytes.count / size
    var index = 0
    while index < count {
        let end = min(index + 4096, count)
        var largest: Bits = 0
        for element in index..<end {
            let bits = start.loadUnaligned(fromByteOffset: element &* size, as: Bits.self)
            largest = max(largest, bits & exponent)
        }
        if largest == exponent {
            return (index..<end).first { element in
                start.loadUnaligned(fromByteOffset: element * size, as: Bits.self) & exponent
                    == exponent
            }
        }
        index = end
    }
    return nil
}
