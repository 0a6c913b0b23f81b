import Checkpoint
import Manifests
import Pruning
import Tensors
import Transformer

/// How a job keeps within its memory: hidden states in memory or in a scratch file, and how many
/// threads run at once.
///
/// `docs/scaling.md` has the sum in words.
package struct MemoryPlan: Sendable, Hashable {
    /// What the job will have resident at most, in bytes, by the shapes.
    package let bytes: Int
    /// Of the scratch file for hidden states; 0 where they are in memory.
    package let scratchBytes: Int
    /// Of all hidden states, wherever they are.
    let stateBytes: Int
    /// At most `limits.threads`; fewer where each thread's buffers would not fit.
    package let threads: Int
    /// How many of a mixture's experts are in memory at once: as many as fit, for the threads have
    /// more to share out then.
    package let expertLimit: ExpertLimit

    package var usesScratchFile: Bool { scratchBytes > 0 }

    /// The program itself, its libraries and the kernels that oneDNN compiles, in bytes.
    static let program = 32 << 20

    /// What oneDNN compiles for sequences of one more length.
    private static let kernels = 512 << 10

    /// OpenBLAS: its library as far as it is used, and its buffer.
    private static let factorising = 32 << 20

    /// - Parameters:
    ///   - sweeps: what is done to the layers of each output, for each sweep that the job runs one
    ///     after the other.
    ///   - order: what a layer's input comes through.
    ///   - followsDense: whether the calibration goes through the dense blocks, too.
    ///   - removals: how experts go, of outputs where any do.
    ///   - tunes: whether what is left of each block is tuned.
    ///   - blocks: what pattern `blocks` takes beside that; nil with another one.
    ///   - reading: what reading the texts has taken, in bytes.
    /// - Throws: `PlanError.memory` where even one thread with a scratch file does not fit.
    init(
        model: Model, sweeps: [[[[LayerPlan]]]], calibration: TokenWindows?,
        evaluation: Evaluation?, order: Manifest.Order, followsDense: Bool = false,
        removals: [ExpertPlan] = [], tunes: Bool = false, reading: Int,
        allocation: Allocation, keepsStatistics: Bool, blocks: BlockMemory? = nil,
        precision: Precision, threads: Int, limit: Int, place: String
    ) throws {
        let calibrated = calibration?.tokens.count ?? 0
        let evaluated = evaluation?.tokens ?? 0
        let outputs = sweeps.map(\.count).max() ?? 1
        // Between two blocks.
        let tokens = (followsDense ? 2 : 1) * calibrated + (1 + outputs) * evaluated
        guard
            Self.canMultiply(model, tokens: tokens, threads)
        else { throw PlanError(place: place, reason: .memory(needed: .max, allowed: limit)) }

        let sets = ([calibration].compactMap(\.self) + (evaluation?.sequences ?? [])).map {
            (length: $0.length, sequences: $0.count)
        }
        let length = sets.map(\.length).max() ?? 0
        let width = 4 * model.configuration.hiddenSize
        // The dense and the pruned models' evaluations go side by side.
        let state = width + 4 * model.configuration.kept.width
        let moving = tokens * state
        stateBytes = moving + (blocks?.states ?? 0) / 2
        let isMended = removals.contains { $0.score == .loss }
        // Of a token: what stands between two steps of a block, what experts leave, and what the
        // block has read where that is needed again.
        let isMixture = model.configuration.mixture != nil
        let between =
            (isMended ? MixtureMemory.fed(model) : 0)
            + (order == .stages ? 4 * BlockStep.width(of: model) + MixtureMemory.fed(model) : 0)
            + (tunes && (order == .stages || isMixture) ? width : 0)
        // And what the dense model's layers read.
        let read = sweeps.joined().map { Self.denseBytes(model, $0) }.max() ?? 0
        let states =
            max(moving + (blocks?.states ?? 0), blocks?.surveyed ?? 0)
            + calibrated * (between + read)
            + MixtureMemory.states(
                model, calibrated: calibrated, moved: tokens, sequential: order == .blocks)
        let routes = MixtureMemory.routes(
            model, tokens: (order == .dense ? 0 : calibrated) + tokens)
        let compared =
            Sweep.comparedSequences(calibration) * (calibration?.length ?? 0) * width
        let amount = InputNeeds.Amount(calibration)
        let largest = model.checkpoint.tensors.map(\.byteCount).max() ?? 0
        let fixed =
            Self.program + Self.kernels * (evaluation?.questions?.batches.count ?? 0)
            + 4 * (calibrated + evaluated) + MixtureMemory.sums(model) * compared
            + routes + min(SafetensorsWriter.piece, largest)
            // A layer as it is written.
            + (model.storesColumns ? 4 * (model.layerSizes.max() ?? 0) : 0)
        func mixture(_ outputs: [[[LayerPlan]]], _ threads: Int) -> MixtureMemory {
            MixtureMemory(
                model, outputs, tokens: calibrated, input: precision.input,
                keepsStatistics: keepsStatistics, threads: threads)
        }
        func total(_ threads: Int, inMemory: Bool, experts: Int) -> Int {
            let forward = Forward.bytes(
                model, sets, input: precision.input, threads: threads)
            let head =
                evaluation.map {
                    model.predictionBytes(
                        tokens: $0.predictedTokens, models: 1 + outputs, threads: threads)
                } ?? 0
            let sweep = sweeps.map { outputs in
                let needs = model.blocks.map { block in
                    InputNeeds.of(
                        outputs.flatMap { $0[block].filter { $0.key.expert == nil } }, model
                    ).values
                }
                let inputs = needs.map { taps in
                    taps.reduce(0) { $0 + $1.bytes(amount, threads: threads) }
                }
                let isSolved = needs.joined().contains(where: \.hasProducts)
                let blocks = outputs.flatMap { $0.enumerated() }.map { index, layers in
                    Self.blockBytes(
                        model, index, layers.filter { $0.key.expert == nil },
                        input: precision.input, amount,
                        keepsStatistics: keepsStatistics, isPackedAgain: order == .stages,
                        threads: threads)
                }
                let tuned =
                    tunes
                    ? Self.tunedBytes(
                        model, outputs, input: precision.input, length: length,
                        keepsStatistics: keepsStatistics, threads: threads)
                        + (keepsStatistics ? inputs.max() ?? 0 : 0) : 0
                let mixture = mixture(outputs, threads)
                let common =
                    (inputs.max() ?? 0) + (isSolved ? Self.factorising : 0)
                    + max(blocks.max() ?? 0, head)
                // A block that loses experts stays beside them while they are judged.
                let beside = removals.isEmpty ? 0 : blocks.max() ?? 0
                return max(
                    common, tuned,
                    mixture.groupBytes(experts, together: tunes) + beside
                        + (mixture.isSolved || isMended ? Self.factorising : 0))
            }
            // What threads have mapped of a scratch file.
            let mapped = min(states, threads * min(length, Tile.size) * (state + between + read))
            let survey =
                Survey.bytes(model, allocation, threads: threads)
                + (blocks?.bytes(threads: threads) ?? 0)
                + (blocks?.isSolved == true ? Self.factorising : 0)
                + MixtureMemory.judging(model, removals, tokens: calibrated, threads: threads)
            return max(
                reading,
                fixed + survey + forward + (sweep.max() ?? head) + (inMemory ? states : mapped))
        }
        let groups = MixtureMemory.groups(model, tunes: tunes)
        var count = threads
        while true {
            // A file costs less time than threads that stand idle.
            for (inMemory, experts) in [true, false].flatMap({ place in
                groups.map { (place, $0) }
            }) {
                let bytes = total(count, inMemory: inMemory, experts: experts)
                if bytes <= limit {
                    self.bytes = bytes
                    self.threads = count
                    expertLimit = ExpertLimit(
                        count: experts,
                        inputBytes: sweeps.map {
                            mixture($0, count).inputBytes(experts, together: tunes)
                        }.max() ?? 0)
                    scratchBytes = inMemory ? 0 : states
                    return
                }
            }
            if count == 1 { break }
            count /= 2
        }
        throw PlanError(
            place: place,
            reason: .memory(
                needed: total(1, inMemory: false, experts: 1), allowed: limit))
    }

    /// What the layers of a block that are solved towards the dense model's output read of a token,
    /// in the block where that is most, in bytes.
    private static func denseBytes(_ model: Model, _ layers: [[LayerPlan]]) -> Int {
        layers.map { plans in
            let needs = InputNeeds.of(plans.filter { ($0.key.expert ?? 0) == 0 }, model)
            return needs.reduce(0) { sum, entry in
                guard entry.value.hasDense else { return sum }
                let times =
                    entry.key.expert == nil
                    ? 1 : model.configuration.mixture?.expertsPerToken ?? 1
                return sum + 4 * times * entry.value.features
            }
        }.max() ?? 0
    }

    /// What a block takes while it is tuned, where that is most: as it is computed, with layers
    /// that have taken the place of others, and masks that wait to be written.
    private static func tunedBytes(
        _ model: Model, _ outputs: [[[LayerPlan]]], input: ProductInput, length: Int,
        keepsStatistics: Bool, threads: Int
    ) -> Int {
        outputs.joined().compactMap { plans in
            let pruned = plans.filter { $0.choice != nil }
            guard let block = pruned.first?.block else { return nil }
            let tuned = Set(pruned.map(\.key)).union(
                pruned.contains { $0.choice?.metric.isOfExpert == true } ? plans.map(\.key) : [])
            let masks = pruned.reduce(0) { $0 + model.shape($1.key, block: block).count }
            let isNarrowed = pruned.contains { $0.choice?.metric.isFollowing == true }
            let experts = model.isMixture(block) ? model.configuration.mixture?.experts ?? 0 : 0
            return (isNarrowed ? 2 : 1)
                * (model.blockBytes(block, input: input)
                    + model.expertBytes(experts, block: block, input: input))
                + (keepsStatistics ? masks : 0)
                + BlockTuner.bytes(
                    model, block: block, shape: model.blockShape(block),
                    tuned: tuned, length: length, threads: threads)
        }.max() ?? 0
    }

    /// Whether no product of shapes below can overflow: this one is larger than any.
    private static func canMultiply(_ model: Model, tokens: Int, _ threads: Int) -> Bool {
        let configuration = model.configuration
        let widths = [
            configuration.hiddenSize, configuration.intermediateSize, configuration.vocabSize,
            2 * configuration.intermediateSize, configuration.kept.width,
            configuration.perLayerSize * configuration.numHiddenLayers,
            configuration.heads.reduce(0) {
                max($0, $1.queries * ($1.dimension + $1.valueDimension))
            },
            configuration.recurrence?.channels ?? 0,
            configuration.latent.map { max($0.queryRank ?? 0, $0.keyValueRank) } ?? 0,
            configuration.mixture?.expertSize ?? 0, configuration.mixture?.sharedSize ?? 0,
            (configuration.mixture?.experts ?? 0) * (configuration.mixture?.expertsPerToken ?? 0),
        ]
        var product = 1 << 20
        for factor in [widths.max() ?? 1, tokens + (widths.max() ?? 1) + 4096, threads] {
            let (next, overflow) = product.multipliedReportingOverflow(by: factor)
            if overflow { return false }
            product = next
        }
        return true
    }

    /// What a block takes with all that is done to it: as it is computed, all of its layers packed
    /// for products, or while its layers are pruned one after the other, each with its mask and
    /// what a fit needs; those that are done are not packed then.
    private static func blockBytes(
        _ model: Model, _ block: Int, _ layers: [LayerPlan], input: ProductInput,
        _ amount: InputNeeds.Amount, keepsStatistics: Bool, isPackedAgain: Bool,
        threads: Int
    ) -> Int {
        var now = model.blockBytes(block, input: input)
        var most = now
        let isNarrowed = layers.contains { $0.choice?.metric.isFollowing == true }
        for layer in layers {
            guard let choice = layer.choice else { continue }
            let shape = model.shape(layer.key, block: layer.block)
            let mask = shape.count
            let moment = choice.momentBytes(shape, amount, threads: threads)
            most = max(most, now + mask + moment)
            let packed = model.packedBytes(layer.key, block: layer.block, input: input)
            // Beside it stands, until the block is done, the layer that takes its place.
            if isNarrowed {
                now += 4 * shape.count + packed
            } else if !isPackedAgain {
                now -= packed
            }
            // It waits to be written.
            if keepsStatistics { now += mask }
        }
        return most
    }
}
