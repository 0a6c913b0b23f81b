import Checkpoint
import Glibc
import Tensors

extension Model {
    /// The tensors of what stands in place of a block's attention, but for its linear layers and
    /// its norm, in the order of `mixer`; none where the block attends.
    func mixerTensors(block: Int) throws -> [TensorView] {
        guard configuration.mixers[block] != .attention, let names = architecture.recurrence,
            let sizes = configuration.recurrence
        else { return [] }
        let convolution = blockName(names.convolution, block)
        var found = [try tensor(convolution, [sizes.channels, 1, sizes.kernel])]
        if sizes.hasBias {
            found.append(try checkpoint.expect("\(convolution).bias", shape: [sizes.channels]))
        }
        guard let heads = sizes.heads else { return found }
        return try found
            + [names.speed, names.stepBias].map {
                try checkpoint.expect(blockName($0, block), shape: [heads.valueHeads])
            }
    }

    /// Of the norm over what each head of the delta rule makes, `[linear_value_head_dim]`; nil
    /// where the block has none.
    func deltaNormTensor(block: Int) throws -> TensorView? {
        guard configuration.mixers[block] == .deltaRule, let names = architecture.recurrence,
            let heads = configuration.recurrence?.heads
        else { return nil }
        return try tensor(blockName(names.norm, block), [heads.valueDimension])
    }

    func deltaNorm(block: Int) throws -> NormWeights? {
        try deltaNormTensor(block: block).map { try weights(of: [($0, nil)], kind: .rms) }
    }

    /// Reads them.
    /// - Throws: `CheckpointError` for NaN and infinity among them.
    func mixer(block: Int) throws -> BlockMixer {
        guard let sizes = configuration.recurrence, configuration.mixers[block] != .attention
        else { return .attention }
        let values = try mixerTensors(block: block).map { try $0.floats() }
        let convolution = CausalConvolution(
            weights: values[0], bias: sizes.hasBias ? values[1] : nil, channels: sizes.channels)
        guard sizes.heads != nil, case .fixed(let activation) = configuration.activation else {
            return .convolution(convolution)
        }
        return .deltaRule(
            DeltaWeights(
                convolution: convolution, activation: activation, speeds: values[1].map(expf),
                stepBiases: values[2]))
    }

    /// Of a layer of what stands in place of the attention.
    func recurrentShape(_ role: Role) -> Shape {
        let hidden = configuration.hiddenSize
        guard let sizes = configuration.recurrence else { return Shape(rows: 0, columns: hidden) }
        let heads = sizes.heads?.valueHeads ?? 0
        return switch role {
        case .deltaMixed: Shape(rows: sizes.channels, columns: hidden)
        case .deltaGate: Shape(rows: sizes.width, columns: hidden)
        case .deltaMixedGate: Shape(rows: sizes.channels + sizes.width, columns: hidden)
        case .deltaRate, .deltaDecay: Shape(rows: heads, columns: hidden)
        case .deltaRateDecay: Shape(rows: 2 * heads, columns: hidden)
        case .convolutionInput: Shape(rows: 3 * sizes.channels, columns: hidden)
        case .deltaOutput, .convolutionOutput: Shape(rows: hidden, columns: sizes.width)
        default: Shape(rows: sizes.channels, columns: hidden)
        }
    }

    /// The rows of `in_proj_qkvz`: query, key, value and gate of one key head after the other. The
    /// convolution reads all queries, all keys, all values.
    ///
    /// Source: `fix_query_key_value_ordering` in `modeling_qwen3_next.py` of transformers.
    var mixedGateParts: [[Range<Int>]] {
        guard let heads = configuration.recurrence?.heads else { return [] }
        let values = heads.valueHeads / heads.keyHeads * heads.valueDimension
        let size = 2 * heads.keyDimension + 2 * values
        func rows(_ start: Int, _ count: Int) -> [Range<Int>] {
            (0..<heads.keyHeads).map { ($0 * size + start)..<($0 * size + start + count) }
        }
        let first = 2 * heads.keyDimension
        return [
            rows(0, heads.keyDimension) + rows(heads.keyDimension, heads.keyDimension)
                + rows(first, values), rows(first + values, values),
        ]
    }

    /// Multiply-adds between the tokens of a sequence of `length`, for each of them on average.
    package func mixingMultiplyAdds(_ block: Block, length: Int) -> Int {
        guard configuration.mixers[block.index] != .attention,
            let sizes = configuration.recurrence
        else {
            // Scores and what they weigh, each over half of the tokens.
            let heads = configuration.heads[block.index]
            return block.shape.keyValueHeads * heads.perGroup
                * (heads.dimension + heads.valueDimension) * (length + 1) / 2
        }
        let state = sizes.heads.map { $0.values * $0.keyDimension } ?? 0
        return sizes.kernel * sizes.channels + 3 * state
    }
}
