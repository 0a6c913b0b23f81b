import Pruning
import Tensors
import Transformer

/// What mixtures of experts take beside what every model does.
struct MixtureMemory {
    /// Of the experts in memory, what each takes, in bytes.
    private let expert: Int
    /// What is gathered of an expert's inputs, if it serves all tokens, in bytes: the most.
    private let inputs: Int
    /// The same where all experts serve as many.
    private let evenInputs: Int
    /// What pruning one of their layers takes for a moment, and what is known of all tokens.
    private let beside: Int
    /// Whether some expert's layer is solved from the covariance of its input.
    let isSolved: Bool

    /// How many experts may be in memory at once, the most first: all of a block that is tuned.
    static func groups(_ model: Model, tunes: Bool = false) -> [Int] {
        guard let mixture = model.configuration.mixture else { return [1] }
        if tunes { return [mixture.experts] }
        return [16, 8, 4, 2, 1].filter { $0 == 1 || $0 <= mixture.experts }
    }

    /// Hidden states beside those that are there between two blocks, in bytes: what the experts
    /// make of each, and where the dense block is measured before the pruned one runs, what both
    /// read.
    ///
    /// - Parameter moved: tokens that go through the block, dense or pruned.
    static func states(_ model: Model, calibrated: Int, moved: Int, sequential: Bool) -> Int {
        guard model.configuration.mixture != nil else { return 0 }
        let beside = model.isBesideFeedForward ? moved : 0
        return 4 * model.configuration.hiddenSize
            * ((sequential ? calibrated : 0) + moved + beside)
    }

    /// What experts leave of a token between two steps, in bytes.
    static func fed(_ model: Model) -> Int {
        model.configuration.mixture.map { 4 * $0.expertsPerToken * $0.expertSize } ?? 0
    }

    /// How many matrices have the outputs that are compared.
    static func sums(_ model: Model) -> Int {
        model.configuration.mixture == nil ? 1 : model.isBesideFeedForward ? 3 : 2
    }

    static func routes(_ model: Model, tokens: Int) -> Int {
        model.configuration.mixture.map {
            Routes.bytes(tokens: tokens, perToken: $0.expertsPerToken)
        } ?? 0
    }

    /// What judging a block's experts takes, where any are to go, in bytes.
    static func judging(
        _ model: Model, _ removals: [ExpertPlan], tokens: Int, threads: Int
    ) -> Int {
        guard !removals.isEmpty, let mixture = model.configuration.mixture else { return 0 }
        let norms = 8 * tokens * mixture.expertsPerToken
        let isSketched = removals.contains { $0.score == .loss }
        return norms
            + (isSketched
                ? ExpertSketch.bytes(model, tokens: tokens, threads: threads)
                    + ExpertMending.bytes(model, threads: threads) : 0)
    }

    /// - Parameters:
    ///   - outputs: what is done to the layers of each of a sweep's outputs.
    ///   - tokens: of the calibration.
    init(
        _ model: Model, _ outputs: [[[LayerPlan]]], tokens: Int, input: ProductInput,
        keepsStatistics: Bool, threads: Int
    ) {
        guard let block = model.blocks.first(where: { model.isMixture($0) }) else {
            (expert, inputs, evenInputs, beside, isSolved) = (0, 0, 0, 0, false)
            return
        }
        let plans = outputs.flatMap { $0.joined() }.filter {
            $0.key.expert != nil && $0.choice != nil
        }
        let amount = InputNeeds.Amount(tokens: tokens)
        // Layers of other shapes stand beside them until all of the group are written, and the
        // masks of an expert's layers come together.
        let isNarrowed = plans.contains { $0.choice?.metric.isFollowing == true }
        let weights = model.expertRoles.reduce(0) {
            $0 + model.shape(LayerKey($1, expert: 0), block: block).count
        }
        var needs: [Stage: InputNeeds] = [:]
        var moment = 0
        for plan in plans {
            guard let choice = plan.choice else { continue }
            let shape = model.shape(plan.key, block: plan.block)
            needs[plan.key.stage, default: InputNeeds(features: shape.columns)].add(choice)
            // Where they lie transposed, a copy is written.
            let copy =
                model.weightPlace(plan.key, block: plan.block).isTransposed ? 4 * shape.count : 0
            let mask = isNarrowed ? weights : shape.count
            moment = max(
                moment, mask + copy + choice.momentBytes(shape, amount, threads: threads))
        }
        let masks = keepsStatistics ? weights : 0
        let layers = model.expertBytes(1, block: block, input: input)
        expert =
            tokens == 0 && plans.isEmpty
            ? layers : (isNarrowed ? 2 : 1) * layers + masks
        let gathered = ExpertInputs(tokens: tokens, threads: threads)
        let mixture = model.configuration.mixture
        let even =
            mixture.map { (tokens * $0.expertsPerToken + $0.experts - 1) / $0.experts } ?? tokens
        inputs = needs.reduce(0) { $0 + gathered.mostBytes($1.value, $1.key) }
        evenInputs = needs.reduce(0) { $0 + gathered.bytes($1.value, $1.key, served: even) }
        beside = moment + (needs[.feedForward].map { gathered.pooledBytes($0) } ?? 0)
        isSolved = needs.values.contains(where: \.hasProducts)
    }

    /// What is known of the inputs of some experts takes at most so much, in bytes: as much as that
    /// of `count` experts where all serve as many tokens, and enough for one that serves all.
    ///
    /// - Parameter together: whether all of them are in memory, however many tokens they serve.
    func inputBytes(_ count: Int, together: Bool) -> Int {
        together ? count * inputs : max(inputs, count * evenInputs)
    }

    /// What `count` experts take with all that is done to them, in bytes.
    func groupBytes(_ count: Int, together: Bool) -> Int {
        expert == 0 ? 0 : count * expert + inputBytes(count, together: together) + beside
    }
}
