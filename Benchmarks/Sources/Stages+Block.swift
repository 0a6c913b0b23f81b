import Tensors
import Transformer

extension Run {
    private static let length = 2048

    /// The linear layers of a block by themselves.
    func measureLayers(_ model: Model, _ precision: Precision) throws {
        let block = try model.loadBlock(0, precision: precision)
        for (name, roles) in [
            ("linear, attention", [Role.query, .key, .value, .output]),
            ("linear, MLP", [.gate, .up, .down]),
        ] {
            let layers = roles.compactMap { block.layers[$0] }
            let weights = layers.reduce(0) { $0 + $1.rows * $1.columns }
            try measure(
                name, "\(precision.rawValue), \(Self.length) tokens",
                .flops(2 * Self.length * weights), ceiling: Ceiling(precision),
                state: { _ in layers.map { LinearState(Self.length, $0) } },
                { for layer in $0 { layer.apply() } })
        }
    }

    /// A block, and the attention in it with its rotation: from the input of the queries to that of
    /// the output projection, less the projections.
    func measureBlock(_ model: Model, _ precision: Precision) throws {
        let configuration = model.configuration
        let length = Self.length
        let block = try model.loadBlock(0, precision: precision)
        let workspaces = Workspaces(model, length: length)
        // Half of the scores are masked; each of the others costs two products.
        let attention =
            2 * length * (length + 1) * configuration.numAttentionHeads * configuration.headDim
        let linear = 2 * length * model.blockMultiplyAdds
        let conditions = "\(precision.rawValue), \(length) tokens"
        nonisolated(unsafe) let states = (0..<settings.threads).map { _ in
            BlockState(block, model, workspaces.borrow(), length)
        }
        for threads in settings.threadCounts {
            let pool = WorkerPool(width: threads)
            var whole = Timing()
            var inner = Timing()
            for repetition in 0..<6 {
                try pool.forEach(threads) { states[$0].run() }
                // The first one warms up.
                if repetition == 0 { continue }
                let slowest = states[..<threads].max { $0.block < $1.block }!
                whole.add(slowest.block)
                inner.add(slowest.attention)
            }
            record(
                "block", conditions, threads: threads,
                Double((linear + attention) * threads) / whole.best, .flops, spread: whole.spread,
                ceiling: Ceiling(precision))
            if precision == .float32 {
                record(
                    "attention", conditions, threads: threads,
                    Double(attention * threads) / inner.best, .flops, spread: inner.spread,
                    ceiling: .float32)
            }
        }
    }
}

/// One thread's run of a block.
private final class BlockState {
    private let runBlock: Block
    private let model: Model
    private let loan: Workspaces.Loan
    private let input: Matrix
    private let projections: [LinearState]
    /// Seconds of the last run.
    private(set) var block = 0.0
    private(set) var attention = 0.0

    init(_ block: Block, _ model: Model, _ loan: Workspaces.Loan, _ length: Int) {
        runBlock = block
        self.model = model
        self.loan = loan
        input = randomMatrix(length, model.configuration.hiddenSize, seed: 3)
        projections = [Role.query, .key, .value].compactMap { block.layers[$0] }.map {
            LinearState(length, $0)
        }
    }

    func run() {
        let hidden = loan.workspace.hidden.view.prefix(input.rows)
        hidden.copy(from: input.view)
        var taps: [Tap: ContinuousClock.Instant] = [:]
        block = elapsed {
            runBlock.forward(hidden, model: model, workspace: loan.workspace) { tap, _ in
                taps[tap] = .now
            }
        }
        guard let start = taps[.attention], let end = taps[.output] else { return }
        let others = elapsed { for projection in projections { projection.apply() } }
        attention = (end - start) / .seconds(1) - others
    }
}
