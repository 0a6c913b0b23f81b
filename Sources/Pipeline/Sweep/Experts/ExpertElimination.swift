import Pruning
import Synchronization
import Tensors
import Transformer

/// Takes experts out one after the other: each time the one without which the block's output on a
/// sample is nearest to the dense block's, when all tokens are sent to those that stay.
///
/// The error of a token is |y - y'|² / |h|², y what the dense experts make of it, y' what those
/// that stay make, h what stands before them. `docs/methods.md` says more.
struct ExpertElimination: Sendable {
    private let sketch: ExpertSketch
    private let block: Block
    private let plan: ExpertPlan
    private let perToken: Int
    /// Whether a token that an expert does not serve has the same experts and weights without it.
    private let isLocal: Bool
    private let pool: WorkerPool
    private let watch: Watch
    /// What the dense experts make of the sample, `[tokens, width]`.
    private let target: Matrix

    init(
        _ sketch: ExpertSketch, _ block: Block, _ plan: ExpertPlan, pool: WorkerPool, watch: Watch
    ) throws {
        self.sketch = sketch
        self.block = block
        self.plan = plan
        self.pool = pool
        self.watch = watch
        perToken = block.expertsPerToken
        isLocal = block.routesLocally
        target = Matrix(rows: sketch.tokens, columns: sketch.outputs[0].columns)
        let routes = block.routes(
            sketch.routerOutputs, among: Array(0..<plan.experts), perToken: perToken)
        for token in 0..<sketch.tokens {
            for (expert, weight) in routes.experts(of: token) {
                let row = token..<(token + 1)
                pass(
                    sketch.outputs[expert].rows(row), times: weight, to: target.rows(row),
                    accumulates: true)
            }
        }
    }

    /// What is known of the experts that stay so far.
    private struct State {
        var kept: [Int]
        /// Of each token.
        var errors: [Double]
        /// The tokens that each expert serves.
        var served: [Int: [Int]]
    }

    /// - Returns: the experts that stay, and for each expert what the sample's mean error has
    ///   become with it gone, less what it was before: when it went, or if it were the next.
    func run() throws -> (kept: [Int], scores: [Double]) {
        var state = state(Array(0..<plan.experts))
        var scores = [Double](repeating: 0, count: plan.experts)
        var left = (0..<plan.groups).map { plan.members(of: $0).count }
        let size = plan.experts / plan.groups
        while true {
            let isDone = state.kept.count == plan.kept
            // What cannot be spared keeps the score that it had.
            if isDone, plan.kept <= perToken * plan.groups { return (state.kept, scores) }
            let candidates = state.kept.filter {
                isDone || left[$0 / size] > plan.kept / plan.groups
            }
            let losses = try losses(of: candidates, state)
            let before = state.errors.reduce(0, +)
            for (candidate, loss) in zip(candidates, losses) {
                scores[candidate] = (loss - before) / Double(max(1, sketch.tokens))
            }
            if isDone { return (state.kept, scores) }
            // Of equal ones the last goes.
            guard let worst = candidates.indices.min(by: { (losses[$0], $1) < (losses[$1], $0) })
            else { preconditionFailure("no expert may go") }
            left[candidates[worst] / size] -= 1
            state = self.state(state.kept.filter { $0 != candidates[worst] })
        }
    }

    private func state(_ kept: [Int]) -> State {
        let routes = block.routes(sketch.routerOutputs, among: kept, perToken: perToken)
        var state = State(kept: kept, errors: [], served: [:])
        for token in 0..<sketch.tokens {
            let experts = routes.experts(of: token)
            for (expert, _) in experts { state.served[expert, default: []].append(token) }
            state.errors.append(error(of: token, experts))
        }
        return state
    }

    /// The sum of all tokens' errors without each of these experts.
    private func losses(of candidates: [Int], _ state: State) throws -> [Double] {
        let sums = Mutex([Double](repeating: 0, count: candidates.count))
        try pool.forEach(candidates.count) { index in
            try watch.checkStop()
            let rest = state.kept.filter { $0 != candidates[index] }
            let tokens =
                isLocal ? state.served[candidates[index]] ?? [] : Array(0..<sketch.tokens)
            let routes = block.routes(
                sketch.routerOutputs.selecting(rows: tokens), among: rest, perToken: perToken)
            var errors = state.errors
            for (place, token) in tokens.enumerated() {
                errors[token] = error(of: token, routes.experts(of: place))
            }
            let sum = errors.reduce(0, +)
            sums.withLock { $0[index] = sum }
        }
        return sums.withLock { $0 }
    }

    private func error(of token: Int, _ experts: [(expert: Int, weight: Float)]) -> Double {
        let distance = weighedDistance(
            experts.map { (sketch.outputs[$0.expert], $0.weight) }, from: target, row: token)
        return distance / max(sketch.powers[token], .leastNormalMagnitude)
    }
}
