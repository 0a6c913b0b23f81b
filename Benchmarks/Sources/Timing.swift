/// How long the repetitions of one thing took, in seconds.
struct Timing {
    private(set) var seconds: [Double] = []

    mutating func add(_ time: Double) { seconds.append(time) }

    var best: Double { seconds.min() ?? .nan }

    /// How much longer than the best the median took, as a share; nil for a single repetition. The
    /// worst would say more about the machine's other work than about this one.
    var spread: Double? {
        if seconds.count < 2 { return nil }
        return seconds.sorted()[seconds.count / 2] / best - 1
    }

    /// Repetitions at least.
    private static let minimum = 4

    /// Once to warm up, then as often as the budget allows.
    ///
    /// - Parameters:
    ///   - budget: in seconds.
    ///   - prepare: runs before each repetition and does not count.
    init(
        budget: Double = 0.5, prepare: () throws -> Void = {}, _ body: () throws -> Void
    ) rethrows {
        try prepare()
        try body()
        while seconds.count < Self.minimum || seconds.reduce(0, +) < budget {
            try prepare()
            add(try elapsed(body))
        }
    }

    init() {}
}

/// Seconds that `body` takes.
func elapsed(_ body: () throws -> Void) rethrows -> Double {
    let start = ContinuousClock.now
    try body()
    return (ContinuousClock.now - start) / .seconds(1)
}
