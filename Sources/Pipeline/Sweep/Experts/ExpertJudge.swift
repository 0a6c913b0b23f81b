import Pruning
import Synchronization
import Tensors
import Transformer

/// Judges the experts of a block, some at a time, while the calibration goes through them.
struct ExpertJudge {
    let sweep: Sweep
    /// The mixture with its router.
    let block: Block
    let plan: ExpertPlan
    /// The calibration before the experts; nil without one.
    let source: MixtureStream?
    /// What the dense experts' outputs are added to, `[at most tokens, hidden_size]`.
    let sums: Matrix?
    private(set) var served: [Int]
    private var scores: [Double]
    private var sketch: ExpertSketch?

    init(
        _ sweep: Sweep, _ block: Block, _ plan: ExpertPlan, source: MixtureStream?, sums: Matrix?,
        length: Int
    ) throws {
        self.sweep = sweep
        self.block = block
        self.plan = plan
        self.source = source
        self.sums = sums
        served = [Int](repeating: 0, count: plan.experts)
        scores = [Double](repeating: 0, count: plan.experts)
        if plan.score == .loss, let source {
            sketch = try ExpertSketch(sweep, block, source, experts: plan.experts, length: length)
        }
    }

    /// Runs some dense experts on the calibration.
    mutating func add(_ group: ExpertGroup) throws {
        guard let source else { return }
        let lists = source.routes.tokens(of: group.experts)
        for (expert, tokens) in zip(group.experts, lists) { served[expert] = tokens.count }
        switch plan.score {
        case .reap: try addNorms(group, source, lists)
        case .wanda: try addProducts(group, source, lists)
        case .frequency, .random, .loss: try run(group, source, lists)
        }
        if plan.score == .frequency {
            for expert in group.experts { scores[expert] = Double(served[expert]) }
        }
        try sketch?.add(group)
    }

    private func run(
        _ group: ExpertGroup, _ source: MixtureStream, _ lists: [ExpertTokens],
        observe: Forward.Observer? = nil, made: Forward.ExpertObserver? = nil
    ) throws {
        let watch = sweep.watch
        try sweep.passes.forward.run(
            group, of: block, source.middle, lists, addingTo: sums, observe: observe, made: made,
            finished: { _ in try watch.checkStop() })
    }

    private mutating func addNorms(
        _ group: ExpertGroup, _ source: MixtureStream, _ lists: [ExpertTokens]
    ) throws {
        let norms = Matrix(rows: lists.reduce(0) { $0 + $1.count }, columns: 1)
        try run(
            group, source, lists,
            made: { _, output, first in
                for index in 0..<output.rows {
                    let row = output.part(rows: index..<(index + 1), columns: 0..<output.columns)
                    norms.view[first + index, 0] = Float(rowProduct(row, row).squareRoot())
                }
            })
        var first = 0
        for (expert, tokens) in zip(group.experts, lists) where tokens.count > 0 {
            let sum = tokens.weights.enumerated().reduce(0) {
                $0 + Double($1.element) * Double(norms.view[first + $1.offset, 0])
            }
            scores[expert] = sum / Double(tokens.count)
            first += tokens.count
        }
    }

    private mutating func addProducts(
        _ group: ExpertGroup, _ source: MixtureStream, _ lists: [ExpertTokens]
    ) throws {
        var inputs: [Tap: GatheredInput] = [:]
        for (expert, tokens) in zip(group.experts, lists) where tokens.count > 0 {
            let places = GatheredInput.Places(
                tokens: tokens.count, tokenWeights: tokens.tokenWeights)
            for (key, layer) in group.layers where key.expert == expert {
                inputs[key.tap] =
                    inputs[key.tap]
                    ?? GatheredInput(InputNeeds(features: layer.columns), places)
            }
        }
        let gathered = inputs
        try run(group, source, lists, observe: { gathered[$0]?.add($1, $2) })
        let found = gathered.mapValues { $0.finish().norm2 }
        let powers = Dictionary(uniqueKeysWithValues: zip(group.experts, lists.map(\.power)))
        for key in group.layers.keys.sorted() {
            guard let expert = key.expert, let layer = group.layers[key],
                let norms = found[key.tap], let power = powers[expert]
            else { continue }
            var squares = [Double](repeating: 0, count: layer.columns)
            addSquares(layer.weights.view, to: &squares)
            scores[expert] += power * zip(squares, norms).reduce(0) { $0 + $1.0 * $1.1 }
        }
    }

    /// Which experts stay, once all have been added.
    func decide() throws -> ExpertsResult {
        let tokens = source?.routes.tokens ?? 0
        var (scores, kept) = (scores, [Int]())
        switch plan.score {
        case .reap, .frequency, .wanda: kept = plan.largest(scores)
        case .random:
            var generator = SplitMix64(seed: sweep.seed &+ UInt64(block.index))
            kept = plan.largest((0..<plan.experts).map { _ in Double(generator.next() >> 11) })
            scores = []
        case .loss:
            guard let sketch else { preconditionFailure("nothing to judge by") }
            (kept, scores) = try ExpertElimination(
                sketch, block, plan, pool: sweep.pool, watch: sweep.watch
            ).run()
        }
        return ExpertsResult(
            block: block.index, score: plan.score, tokens: tokens, served: served, scores: scores,
            kept: kept,
            weightsGone: (plan.experts - kept.count)
                * sweep.model.weightsOfExpert(block: block.index))
    }
}
