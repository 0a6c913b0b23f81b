import Tensors

/// What a repetition does, and so in which unit its rate is.
enum Amount {
    case flops(Int)
    case bytes(Int)
    case weights(Int)

    var count: Int {
        switch self {
        case .flops(let count), .bytes(let count), .weights(let count): count
        }
    }

    var unit: Figure.Unit {
        switch self {
        case .flops: .flops
        case .bytes: .bandwidth
        case .weights: .weights
        }
    }
}

extension Run {
    /// Measures what a single thread does: alone, then on all at the same time, each with a state
    /// of its own.
    ///
    /// - Parameter amount: of one thread's repetition.
    func measure<State>(
        _ name: String, _ conditions: String, _ amount: Amount, ceiling: Ceiling? = nil,
        state make: (_ thread: Int) throws -> State, _ body: @Sendable (State) throws -> Void
    ) throws {
        // What the others are compared with must be right.
        let budget = part == .ceiling ? 1.5 : 0.5
        // Each is used by one thread at a time.
        nonisolated(unsafe) let states = try (0..<settings.threads).map(make)
        for threads in settings.threadCounts {
            let pool = WorkerPool(width: threads)
            let timing = try Timing(budget: budget) {
                try pool.forEach(threads) { try body(states[$0]) }
            }
            record(
                name, conditions, threads: threads, rate(amount, threads: threads, timing),
                amount.unit, spread: timing.spread, ceiling: ceiling)
        }
    }

    /// Measures what shares its own work out over a pool.
    func measure(
        _ name: String, _ conditions: String, _ amount: Amount, ceiling: Ceiling? = nil,
        prepare: () throws -> Void, _ body: (WorkerPool) throws -> Void
    ) throws {
        for threads in settings.threadCounts {
            let pool = WorkerPool(width: threads)
            let timing = try Timing(prepare: prepare) { try body(pool) }
            record(
                name, conditions, threads: threads, rate(amount, threads: 1, timing), amount.unit,
                spread: timing.spread, ceiling: ceiling)
        }
    }

    private func rate(_ amount: Amount, threads: Int, _ timing: Timing) -> Double {
        Double(amount.count) * Double(threads) / timing.best
    }
}
