/// The generator that draws calibration windows.
///
/// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014. The state
/// starts as the seed; each number adds 0x9e3779b97f4a7c15 and mixes.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// The high half of `next() * bound`: uniform over 0..<bound but for 2^-64 of bias, and the
    /// same in any implementation.
    package mutating func below(_ bound: UInt64) -> Int {
        Int(next().multipliedFullWidth(by: bound).high)
    }
}
