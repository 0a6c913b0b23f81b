/// The nearest bfloat16, ties to even, as its bits; `value` must not be NaN.
@inline(__always)
package func bfloat16Bits(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    return UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ ((bits >> 16) & 1)) >> 16)
}

/// Reads `count` weights of type `type` from `bytes` as float32.
/// Precondition: `bytes` holds just that many and `type.isWeight`.
func decode(
    _ bytes: UnsafeRawBufferPointer, _ type: ElementType, into target: UnsafeMutablePointer<Float>,
    count: Int
) {
    precondition(bytes.count == count * type.size, "bytes do not fit the count")
    guard let start = bytes.baseAddress else { return }
    // safetensors does not promise alignment, so loads are unaligned; x86 does not mind.
    switch type {
    case .float32:
        UnsafeMutableRawPointer(target).copyMemory(from: start, byteCount: bytes.count)
    case .bfloat16:
        for i in 0..<count {
            let bits = start.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)
            target[i] = Float(bitPattern: UInt32(bits) << 16)
        }
    case .float16:
        #if arch(x86_64) || arch(arm64)
            for i in 0..<count {
                target[i] = Float(start.loadUnaligned(fromByteOffset: 2 * i, as: Float16.self))
            }
        #endif
    default:
        preconditionFailure("\(type.rawValue) is not a weight type")
    }
}

/// Writes `count` float32 as `type`, rounded to the nearest, ties to even. The inverse of `decode`
/// for values that `type` has. What is too large for float16 becomes its largest number.
func encode(
    _ values: UnsafePointer<Float>, count: Int, _ type: ElementType,
    into target: UnsafeMutableRawBufferPointer
) {
    precondition(target.count == count * type.size, "bytes do not fit the count")
    guard let start = target.baseAddress else { return }
    switch type {
    case .float32:
        start.copyMemory(from: values, byteCount: target.count)
    case .bfloat16:
        for i in 0..<count {
            start.storeBytes(of: bfloat16Bits(values[i]), toByteOffset: 2 * i, as: UInt16.self)
        }
    case .float16:
        #if arch(x86_64) || arch(arm64)
            for i in 0..<count {
                let value = min(max(values[i], -65504), 65504)
                start.storeBytes(of: Float16(value), toByteOffset: 2 * i, as: Float16.self)
            }
        #endif
    default:
        preconditionFailure("\(type.rawValue) is not a weight type")
    }
}

/// Rounds every element of `x` to what `type` can hold, so that what is computed with is what will
/// be read back.
func round(_ x: UnsafeMutablePointer<Float>, count: Int, to type: ElementType) {
    switch type {
    case .bfloat16:
        for i in 0..<count { x[i] = Float(bitPattern: UInt32(bfloat16Bits(x[i])) << 16) }
    case .float16:
        #if arch(x86_64) || arch(arm64)
            for i in 0..<count { x[i] = Float(Float16(min(max(x[i], -65504), 65504))) }
        #endif
    default:
        break
    }
}

/// Rounds every element to what `type` can hold.
package func round(_ x: inout [Float], to type: ElementType) {
    round(&x, count: x.count, to: type)
}

/// Reads weights of type `type` as float32, row by row.
/// Precondition: `bytes` holds just as many as `target`, and `type.isWeight`.
package func decode(_ bytes: RawSpan, _ type: ElementType, into target: MatrixView) {
    let row = target.columns * type.size
    precondition(bytes.byteCount == target.rows * row, "bytes do not fit the shape")
    bytes.withUnsafeBytes { bytes in
        for index in 0..<target.rows {
            decode(
                UnsafeRawBufferPointer(rebasing: bytes[(index * row)..<((index + 1) * row)]),
                type, into: target.row(index), count: target.columns)
        }
    }
}

/// The same as an array.
package func decode(_ bytes: RawSpan, _ type: ElementType) -> [Float] {
    let count = bytes.byteCount / type.size
    return [Float](unsafeUninitializedCapacity: count) { target, initialized in
        if let start = target.baseAddress {
            bytes.withUnsafeBytes { decode($0, type, into: start, count: count) }
        }
        initialized = count
    }
}

/// Writes elements `range` of a matrix, counted row by row, as `type` to the first bytes of
/// `target`, rounded as values of `type` are.
package func encode(
    _ values: Matrix, _ range: Range<Int>, _ type: ElementType, into target: Buffer<UInt8>
) {
    precondition(
        range.lowerBound >= 0 && range.upperBound <= values.rows * values.columns
            && range.count * type.size <= target.count, "elements out of range")
    encode(
        values.start + range.lowerBound, count: range.count, type,
        into: UnsafeMutableRawBufferPointer(start: target.start, count: range.count * type.size))
}
