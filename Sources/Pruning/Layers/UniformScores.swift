/// Uniform numbers in [0, 1), one for each weight, that depend on the seed, the layer's name and
/// the weight's place alone: the same for any number of threads and any order of the layers.
///
/// Source: SplitMix64 (Steele, Lea and Flood 2014) over seed, the FNV-1a hash of the name, row and
/// column.
package struct UniformScores: Sendable {
    private let key: UInt64

    package init(seed: UInt64, layer: String) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in layer.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        key = Self.mix(seed &+ 0x9e37_79b9_7f4a_7c15) ^ hash
    }

    package func score(row: Int, column: Int) -> Double {
        let rowKey = Self.mix(key &+ UInt64(row) &* 0x9e37_79b9_7f4a_7c15)
        let bits = Self.mix(rowKey &+ UInt64(column) &* 0x9e37_79b9_7f4a_7c15)
        return Double(bits >> 11) * 0x1p-53
    }

    private static func mix(_ x: UInt64) -> UInt64 {
        var z = x
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
