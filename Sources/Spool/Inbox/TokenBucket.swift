/// How often something may happen: so many times at once, and then so many times a second.
package struct TokenBucket: Sendable {
    package let burst: Double
    /// Per second.
    package let rate: Double
    private var level: Double
    private var time: Double

    /// - Parameter now: seconds on a clock that never steps, as everywhere below.
    package init(burst: Double, rate: Double, now: Double) {
        self.burst = burst
        self.rate = rate
        level = burst
        time = now
    }

    private func level(at now: Double) -> Double {
        min(burst, level + max(0, now - time) * rate)
    }

    /// Takes one out, whether one is there or not; an empty bucket does not go below none.
    package mutating func take(_ now: Double) {
        level = max(0, level(at: now) - 1)
        time = now
    }

    /// Seconds until one is there; 0: there is.
    package func wait(_ now: Double) -> Double { max(0, (1 - level(at: now)) / rate) }

    package func isFull(_ now: Double) -> Bool { level(at: now) >= burst }
}
