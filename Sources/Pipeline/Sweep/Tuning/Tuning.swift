import Manifests

/// How a sweep tunes what is left of each block.
package struct Tuning: Sendable, Hashable {
    let settings: Manifest.Tuning
    let split: WindowSplit
    /// In which order windows come.
    let seed: UInt64

    init(_ settings: Manifest.Tuning, windows: Int, seed: UInt64) {
        self.settings = settings
        self.seed = seed
        split = WindowSplit(windows: windows, seed: seed)
    }

    /// Of a block, in tokens through it: a pass there and back takes three times as long as one
    /// there, and what is held out is measured before the first and after each.
    func work(length: Int) -> Int {
        let passes = settings.passes
        return length * (3 * passes * split.training.count + (passes + 1) * split.heldOut.count)
    }
}
