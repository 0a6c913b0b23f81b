import Manifests
import Pruning
import Tensors
import Transformer

/// What a pass through the dense model says of all layers, from which their sparsities come: for
/// `owl` of each block, for `error` of each layer.
struct Survey {
    /// By layer's name.
    typealias Sparsities = [String: Double]

    let plan: Plan
    let passes: Passes
    /// What it has taken so far.
    var cost = Cost()
    /// The fraction of outliers in each block.
    var outliers: [Int: Double] = [:]
    /// Of each layer, centred or not as some output needs it.
    var curves: [Key: ErrorCurve] = [:]
    /// Of each layer by name: how much of the residual stream its half of the block brings, right
    /// behind it.
    var parts: [String: Double] = [:]
    /// The expected square of a token's hidden states so far, as if nothing in them were
    /// correlated.
    var stream = 0.0

    struct Key: Hashable {
        let layer: String
        let isCentred: Bool

        init(_ layer: LayerPlan) {
            self.layer = layer.name
            isCentred = layer.choice?.compensation.needsBias == true
        }
    }

    /// Tokens through a block.
    static func work(_ plan: Plan) -> Int {
        plan.manifest.prune.allocation == .uniform
            ? 0 : (plan.calibration?.tokens.count ?? 0) * plan.blocks
    }

    /// What it takes beside a sweep's pass, in bytes.
    static func bytes(_ model: Model, _ allocation: Allocation, threads: Int) -> Int {
        if allocation == .uniform { return 0 }
        let experts = expertBytes(model)
        if allocation == .owl { return experts }
        let shapes = model.blocks.flatMap { block in
            model.layers(block: block).map { model.shape($0, block: block) }
        }
        let widest = shapes.reduce(0) { max($0, $1.columns) }
        // Curves with and without the mean, their segments twice while they are sorted, and a
        // thread's row and sums, or counts.
        return experts + shapes.count * ErrorCurve.levels * (2 * 8 + 2 * 32)
            + threads * (RowErrors.bytes(columns: widest) + 16 * widest + (1 << 20))
    }

    /// What a layer's sparsity may be.
    static func bounds(_ prune: Manifest.Prune, _ sparsity: Double) -> ClosedRange<Double> {
        prune.bounds ?? prune.allocation.bounds(around: sparsity)
    }

    init(_ plan: Plan, _ passes: Passes) {
        self.plan = plan
        self.passes = passes
    }

    /// Goes through the dense model, over the calibration or over what is known in its place.
    mutating func run() throws {
        if allocation == .error { stream = try embeddedPower() }
        let states = try plan.calibration.map { try passes.embedded($0) }
        for index in plan.model.blocks {
            passes.watch.progress(.survey, block: index, nil)
            if plan.model.isMixture(index) {
                try surveyMixture(index, states)
            } else {
                try survey(index, states)
            }
        }
    }

    var allocation: Allocation { plan.manifest.prune.allocation }

    /// The layers of a block that are to be pruned, the same ones for all outputs.
    func selected(_ block: Int) -> [LayerPlan] {
        plan.outputs[0].treatment.layers[block].filter { $0.choice != nil }
    }

    private mutating func survey(_ index: Int, _ states: HiddenStates?) throws {
        let block = try passes.load(index)
        passes.readAhead(index + 1)
        let selected = selected(index)
        let statistics = try statistics(block, states, isNeeded: !selected.isEmpty)
        if selected.isEmpty { return }
        switch allocation {
        case .uniform: break
        case .owl:
            var fraction = OutlierFraction()
            let layers = selected.compactMap { layer -> (Linear, [Double])? in
                guard let linear = block.layers[layer.key],
                    let input = statistics[layer.key.tap]
                else { return nil }
                return (linear, OutlierFraction.factors(input))
            }
            for (layer, factors) in layers {
                try fraction.add(layer, factors: factors, pool: passes.pool)
            }
            for (layer, factors) in layers {
                try fraction.count(layer, factors: factors, pool: passes.pool)
            }
            outliers[index] = fraction.value
        case .error:
            var powers: [LayerKey: Double] = [:]
            try addCurves(block.layers, block: index, statistics, &powers)
            add(powers, block: index)
        }
    }

    /// Of all inputs of a block; moves the states past it.
    private mutating func statistics(
        _ block: Block, _ states: HiddenStates?, isNeeded: Bool
    ) throws -> [Tap: Statistics] {
        if let known = plan.known { return known.statistics(of: block.index) }
        guard let states else { return [:] }
        guard isNeeded else {
            cost += try passes.advance(states, through: block)
            return [:]
        }
        let layers = plan.model.layers(block: block.index)
        let (statistics, cost) = try passes.gather(
            InputNeeds.sums(of: layers, block: block.index, plan.model), of: block, from: states,
            to: .inPlace)
        self.cost += cost
        return statistics
    }

    /// The mean square of a token's first hidden states over tokens from all of the vocabulary, and
    /// over positions.
    private func embeddedPower() throws -> Double {
        let configuration = plan.model.configuration
        let length = min(256, configuration.maxPositionEmbeddings)
        let windows = 16
        let hidden = Matrix(rows: length, columns: configuration.hiddenSize)
        let embedding = try plan.model.embedding(input: passes.precision.input)
        var sum = 0.0
        for window in 0..<windows {
            let tokens = (0..<length).map { position in
                Int32(
                    (position * windows + window) * configuration.vocabSize / (length * windows))
            }
            try embedding.embed(tokens[...], into: hidden.view)
            for row in 0..<length {
                sum += squaredNorm(hidden.rows(row..<(row + 1)))
            }
        }
        embedding.release()
        return sum / Double(length * windows)
    }

    /// The sparsity of each layer of an output.
    func sparsities(of output: Plan.Output) -> Sparsities {
        let layers = output.treatment.layers.joined().filter { $0.choice != nil }
        let shapes = layers.map { plan.model.shape($0.key, block: $0.block) }
        let weights = shapes.map(\.count)
        let prune = plan.manifest.prune
        let bounds = Self.bounds(prune, output.sparsity)
        let sparsities: [Double]
        switch prune.allocation {
        case .uniform: return [:]
        case .owl:
            let blocks = outliers.keys.sorted()
            let sizes = blocks.map { block in
                zip(layers, weights).reduce(0) { $0 + ($1.0.block == block ? $1.1 : 0) }
            }
            let found = Allocation.owl(
                outliers: blocks.map { outliers[$0] ?? 0 }, weights: sizes,
                total: output.sparsity, bounds: bounds)
            let byBlock = Dictionary(uniqueKeysWithValues: zip(blocks, found))
            sparsities = layers.map { byBlock[$0.block] ?? output.sparsity }
        case .error:
            sparsities = Allocation.leastError(
                curves: layers.map { curves[Key($0)] ?? ErrorCurve([0, 0]) },
                importance: layers.map { parts[$0.name] ?? 1 }, weights: weights,
                total: output.sparsity, bounds: bounds)
        }
        let whole = Allocation.wholeColumns(sparsities, shapes: shapes, bounds: bounds)
        return Dictionary(
            zip(layers.map(\.name), whole), uniquingKeysWith: { first, _ in first })
    }
}
