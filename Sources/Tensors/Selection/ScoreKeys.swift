import CLinux

/// Keys of |w_j| f_j: the upper bits of the float32, whose order is that of the numbers, less
/// `base`, and the nearest of what 16 bits hold.
@inline(never)
func makeKeys(
    _ weights: UnsafePointer<Float>, _ factors: UnsafePointer<Float>, count: Int, shift: UInt32,
    base: Int32, into keys: UnsafeMutablePointer<Int16>
) {
    var start = 0
    while start < count {
        let end = min(start &+ 256, count)
        // Weights come from memory, and there is too much to do for each that loads would overlap
        // by themselves. Behind the matrix this is a hint without effect.
        let ahead = UnsafeRawPointer(weights + start) + 2048
        for line in 0..<16 { stade_prefetch(ahead + 64 * line) }
        for j in start..<end {
            let bits = (weights[j].magnitude * factors[j]).bitPattern &>> shift
            let key = Int32(bitPattern: bits) &- base
            keys[j] = Int16(truncatingIfNeeded: min(max(key, -32768), 32767))
        }
        start = end
    }
}

/// How many keys are less than `key`.
@inline(never)
func countBelow(_ key: Int16, _ keys: UnsafePointer<Int16>, count: Int) -> Int {
    let bytes = UnsafeRawPointer(keys)
    let limit = SIMD16<Int16>(repeating: key)
    let whole = count & ~63
    var total = 0
    var start = 0
    while start < whole {
        // 16 bits hold the counts of so many.
        let end = min(start &+ 32_768, whole)
        var a = SIMD16<Int16>()
        var b = a
        var c = a
        var d = a
        while start < end {
            let next = bytes + start &* 2
            a &+= ones(next.loadUnaligned(as: SIMD16<Int16>.self) .< limit)
            b &+= ones(next.loadUnaligned(fromByteOffset: 32, as: SIMD16<Int16>.self) .< limit)
            c &+= ones(next.loadUnaligned(fromByteOffset: 64, as: SIMD16<Int16>.self) .< limit)
            d &+= ones(next.loadUnaligned(fromByteOffset: 96, as: SIMD16<Int16>.self) .< limit)

            start &+= 64
        }
        let sums = (a &+ b) &+ (c &+ d)
        for lane in 0..<16 { total &-= Int(sums[lane]) }
    }
    while start < count {
        total &+= keys[start] < key ? 1 : 0
        start &+= 1
    }
    return total
}

/// -1 where `mask` is true, else 0.
@inline(__always)
private func ones(_ mask: SIMDMask<SIMD16<Int16>>) -> SIMD16<Int16> {
    unsafeBitCast(mask, to: SIMD16<Int16>.self)
}

/// Sets `mask` to 1 where a key is less than `low`, to 2 from there through `high`, to 0 beyond.
@inline(never)
func markKeys(
    below low: Int16, through high: Int16, _ keys: UnsafePointer<Int16>, count: Int,
    into mask: UnsafeMutablePointer<UInt8>
) {
    for j in 0..<count {
        let isBelow: UInt8 = keys[j] < low ? 1 : 0
        let isAbove: UInt8 = keys[j] > high ? 0 : 2
        mask[j] = isAbove &- isBelow
    }
}

/// Where `mask` has 2, from the left; returns how often.
@inline(never)
func collectUndecided(
    _ mask: UnsafePointer<UInt8>, count: Int, into places: UnsafeMutablePointer<Int>
) -> Int {
    let bytes = UnsafeRawPointer(mask)
    let twos = SIMD4<UInt64>(repeating: 0x0202_0202_0202_0202)
    var found = 0
    var start = 0
    while start &+ 64 <= count {
        let a = bytes.loadUnaligned(fromByteOffset: start, as: SIMD4<UInt64>.self) & twos
        let b = bytes.loadUnaligned(fromByteOffset: start &+ 32, as: SIMD4<UInt64>.self) & twos
        // The bits of 64 bytes in 32, those of the second half one place further up.
        let both = a | (b &<< 1)
        let pairs = both.lowHalf | both.highHalf
        if pairs[0] | pairs[1] != 0 {
            for index in 0..<8 {
                let offset = start &+ index &* 8
                var word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) & twos[0]
                while word != 0 {
                    places[found] = offset &+ word.trailingZeroBitCount / 8
                    found &+= 1
                    word &= word &- 1
                }
            }
        }
        start &+= 64
    }
    while start < count {
        places[found] = start
        found &+= mask[start] == 2 ? 1 : 0
        start &+= 1
    }
    return found
}
