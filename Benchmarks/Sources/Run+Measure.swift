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

/// One repetition of what runs on a pool, and what must be done before it.
struct Pass {
    let prepare: () throws -> Void
    let run: () throws -> Void
}

extension Run {
    /// Measures what a single thread does: alone, then on all at the same time, each with a state
    /// of its own.
    ///
    /// - Parameters:
    ///   - amount: of one thread's repetition.
    ///   - prepare: makes a state what it was before, and does not count.
    func measure<State>(
        _ name: String, _ conditions: String, _ amount: Amount, ceiling: Ceiling? = nil,
        state make: (_ thread: Int) throws -> State, prepare: (State) throws -> Void = { _ in },
        _ body: @Sendable (State) throws -> Void
    ) throws {
        // What the others are compared with must be right.
        let budget = part == .ceiling ? 1.5 : 0.5
        // Each is used by one thread at a time.
        nonisolated(unsafe) let states = try (0..<settings.threads).map(make)
        for threads in settings.threadCounts {
            let pool = WorkerPool(width: threads)
            let timing = try Timing(budget: budget) {
                try states.forEach(prepare)
            } _: {
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
        pass: (WorkerPool) throws -> Pass
    ) throws {
        for threads in settings.threadCounts {
            let pass = try pass(WorkerPool(width: threads))
            let timing = try Timing(prepare: pass.prepare, pass.run)
            record(
                name, conditions, threads: threads, rate(amount, threads: 1, timing), amount.unit,
                spread: timing.spread, ceiling: ceiling)
        }
    }

    private func rate(_ amount: Amount, threads: Int, _ timing: Timing) -> Double {
        Double(amount.count) * Double(threads) / timing.best
    }
}
