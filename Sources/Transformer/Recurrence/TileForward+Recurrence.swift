import Tensors

/// The delta rule. Source: `Qwen3_5GatedDeltaNet` in `modeling_qwen3_5.py` of transformers.
extension TileForward {
    private var places: RecurrentInputs {
        guard let recurrent else { preconditionFailure("no place for a recurrence") }
        return recurrent
    }

    /// The convolution's input, decays and rates of the tile go to the cache.
    func deltaInputs(_ x: MatrixView, _ weights: DeltaWeights) throws {
        let normed = attentionInput(x)
        try observe?(Tap(.attention), normed, tile)
        let left = buffers.products.left(normed, as: input)
        apply(.deltaMixed, left, into: places.target(tile.rows, sequence: slot))
        let decays = places.factors(.decays, tile.rows, sequence: slot)
        apply(.deltaDecay, left, into: decays)
        decay(decays, speeds: weights.speeds, biases: weights.stepBiases)
        let rates = places.factors(.rates, tile.rows, sequence: slot)
        apply(.deltaRate, left, into: rates)
        Activation.sigmoid.apply(rates)
    }

    /// The heads' outputs, once the rule has gone over the sequence:
    /// `[rows, value heads * linear_value_head_dim]`.
    func deltaOutputs(_ x: MatrixView) -> MatrixView {
        let results = places.results(tile.rows, sequence: slot)
        let mixed = view(buffers.mixed, columns: results.columns)
        mixed.copy(from: results)
        if let heads = configuration.recurrence?.heads {
            block.norms.delta?.applyPerHead(mixed, headDimension: heads.valueDimension)
        }
        let gate = view(buffers.query, columns: results.columns)
        apply(.deltaGate, buffers.products.left(attentionInput(x), as: input), into: gate)
        Activation.silu.gate(mixed, by: gate)
        return mixed
    }
}

/// A short convolution between two gates. Source: `Lfm2ShortConv` in `modeling_lfm2.py` of
/// transformers.
extension TileForward {
    /// The convolution's input of the tile goes to the cache.
    func convolutionInputs(_ x: MatrixView) throws {
        let normed = attentionInput(x)
        try observe?(Tap(.attention), normed, tile)
        let left = buffers.products.left(normed, as: input)
        let target = places.target(tile.rows, sequence: slot)
        apply(.convolutionValue, left, into: target)
        let gate = view(buffers.query, columns: target.columns)
        apply(.convolutionEntry, left, into: gate)
        multiply(target, by: gate)
    }

    /// What its output projection reads: `[rows, hidden_size]`.
    func convolve(_ x: MatrixView, _ convolution: CausalConvolution) -> MatrixView {
        let mixed = view(buffers.mixed, columns: convolution.channels)
        convolution.apply(
            places.seen(tile.rows, sequence: slot), channels: 0..<convolution.channels,
            into: mixed)
        let gate = view(buffers.query, columns: mixed.columns)
        apply(.convolutionExit, buffers.products.left(attentionInput(x), as: input), into: gate)
        multiply(mixed, by: gate)
        return mixed
    }
}
