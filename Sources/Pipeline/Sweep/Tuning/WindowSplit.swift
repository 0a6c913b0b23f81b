/// Which of the calibration's windows blocks are tuned on, and which say how well that carries
/// over.
struct WindowSplit: Sendable, Hashable {
    /// One window in so many is held out, at least one.
    static let share = 8

    /// Ascending, as the others.
    let training: [Int]
    let heldOut: [Int]

    /// - Parameter windows: at least two.
    init(windows: Int, seed: UInt64) {
        // Those of a file of tokens may lie in some order, so they are drawn.
        var places = Array(0..<windows)
        var generator = SplitMix64(seed: seed)
        for last in stride(from: windows - 1, to: 0, by: -1) {
            places.swapAt(last, generator.below(UInt64(last + 1)))
        }
        let count = max(1, windows / Self.share)
        heldOut = places.prefix(count).sorted()
        training = places.dropFirst(count).sorted()
    }
}
