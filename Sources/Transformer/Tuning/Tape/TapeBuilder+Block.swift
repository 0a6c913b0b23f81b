import Tensors

extension TapeBuilder {
    /// A whole block. x: what it reads, `[tokens, hidden_size]`.
    ///
    /// The same as `TileForward.first` and `rest`.
    mutating func block(_ x: Variable) -> Variable {
        let normed = configuration.normsBefore ? norm(.attention, x) : x
        var sum = x
        if let mixed = mix(normed), let output = project(mixer.output, mixed) {
            sum = add(output, norm: .attentionOutput, to: x)
        }
        if !configuration.normsBefore { sum = norm(.attention, sum) }
        if model.isMixture(block) { return end(mixture(sum)) }
        let side = !configuration.isParallel ? sum : x
        let read =
            configuration.isParallel && model.sharesBlockNorm
            ? normed : configuration.normsBefore ? norm(.feedForward, side) : side
        if let fed = feed(read), let output = project(.down, fed) {
            sum = add(output, norm: .feedForwardOutput, to: sum)
        }
        if !configuration.normsBefore { sum = norm(.feedForward, sum) }
        return end(sum)
    }

    var mixer: TokenMixer { configuration.mixers[block] }

    /// x + factor norm(y).
    mutating func add(_ y: Variable, norm place: NormPlace, to x: Variable) -> Variable {
        sum(x, norm(place, y), times: configuration.multipliers.residual)
    }

    /// What the down projection reads.
    mutating func feed(_ x: Variable) -> Variable? {
        guard let up = project(.up, x) else { return nil }
        let output = variable(up.width)
        let input = use(up)
        switch model.architecture.feedForward {
        case .plain:
            add { parameters in
                ActivateOperation(
                    activation: parameters.block.activation, input: input, output: output)
            }
        case .gated, .clampedGate:
            guard let gate = project(.gate, x) else { return nil }
            let (gateUse, configuration) = (use(gate), configuration)
            add { parameters in
                GateOperation(
                    kind: .of(parameters.block, configuration), input: input, gate: gateUse,
                    output: output)
            }
        }
        return output
    }

    var heads: BlockHeads { configuration.heads[block] }

    /// What the output projection reads. x: what attention reads.
    mutating func attention(_ x: Variable) -> Variable? {
        guard let (query, key, value) = headInputs(x) else { return nil }
        let output = variable(shape.keyValueHeads * heads.groupSize)
        let isShared = heads.perGroup > 1 && heads.source == nil
        let parts =
            isShared
            ? (
                keys: variable(query.width, hasValue: false),
                values: variable(output.width, hasValue: false)
            ) : nil
        let uses = (query: use(query), key: use(key), value: use(value))
        let length = length
        let (heads, count, model, block) = (heads, shape.keyValueHeads, model, block)
        add(
            group: { parameters in
                AttentionOperation(
                    AttentionOperation.Settings(
                        heads: heads, keyValueHeads: count,
                        scale: model.configuration.attentionScales[block],
                        cap: model.configuration.attentionSoftcap, alibi: model.alibi,
                        sinks: parameters.block.sinks, window: model.configuration.windows[block]),
                    query: uses.query, key: uses.key, value: uses.value, output: output,
                    parts: parts, length: length)
            }, threadBytes: AttentionBuffers.bytes(length: length))
        return weigh(output, x)
    }

    /// Queries, keys and values of all heads. x: what attention reads.
    private mutating func headInputs(
        _ x: Variable
    ) -> (query: Variable, key: Variable, value: Variable)? {
        if let latent = configuration.latent { return latentHeadInputs(x, latent) }
        guard let rawQuery = project(.query, x) else { return nil }
        let query = turn(rawQuery, .query)
        if let growth = configuration.rotations[block]?.growth {
            add { _ in GrowOperation(variable: query, growth: growth) }
        }
        if heads.source != nil {
            let kept = keptKeyValues()
            return (query, kept.keys, kept.values)
        }
        guard let rawKey = project(.key, x),
            let rawValue = heads.valuesAreKeys ? rawKey : project(.value, x)
        else { return nil }
        let key = turn(rawKey, .key)
        return (query, key, norm(.value, clamped(rawValue)))
    }

    /// What is left of the heads' outputs behind their gates, where they have them.
    private mutating func weigh(_ mixed: Variable, _ x: Variable) -> Variable {
        guard let gate = project(.outputGate, x) else { return mixed }
        return gated(mixed, by: gate, .sigmoid)
    }

    /// Makes queries or keys of a projection's output.
    private mutating func turn(_ x: Variable, _ place: NormPlace) -> Variable {
        let follows = configuration.headNorms?.followsRotation ?? false
        let turned = clamped(follows ? x : norm(place, x))
        rotate(turned, plain: 0, rotated: heads.dimension)
        return follows ? norm(place, turned) : turned
    }

    /// Turns the last elements of every head in place.
    mutating func rotate(_ x: Variable, plain: Int, rotated: Int) {
        guard let rotation = configuration.rotations[block] else { return }
        let table = model.table(of: rotation.of(length: length), positions: length)
        add { _ in RotateOperation(variable: x, table: table, plain: plain, rotated: rotated) }
    }

    private mutating func clamped(_ x: Variable) -> Variable {
        guard let limit = configuration.queryKeyValueLimit else { return x }
        let output = variable(x.width)
        let input = use(x)
        add { _ in ClampOperation(input: input, limit: limit, output: output) }
        return output
    }
}
