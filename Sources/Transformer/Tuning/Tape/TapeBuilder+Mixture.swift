import Tensors

extension TapeBuilder {
    /// The second half of a mixture's block. x: what stands before its feed-forward.
    ///
    /// The same as `Forward.middle`, `Forward.run` of its experts and `Forward.finish`.
    mutating func mixture(_ x: Variable) -> Variable {
        let normed = norm(.feedForward, x)
        let isBeside = model.isBesideFeedForward
        let read = isBeside ? norm(.experts, x) : normed
        var total = norm(.expertsOutput, experts(read, routedBy: isBeside ? x : normed))
        if let fed = feed(normed), let made = project(.down, fed) {
            total = sum(total, norm(.shared, share(made, normed)))
        }
        return add(total, norm: .feedForwardOutput, to: x)
    }

    /// What the expert that all tokens go to gives, behind its gate, where it has one.
    private mutating func share(_ made: Variable, _ normed: Variable) -> Variable {
        guard let gate = project(.sharedGate, normed) else { return made }
        let output = variable(made.width)
        let (input, gateUse) = (use(made), use(gate))
        add { _ in ShareOperation(input: input, gate: gateUse, output: output) }
        return output
    }

    private mutating func experts(_ x: Variable, routedBy router: Variable) -> Variable {
        let output = variable(x.width)
        guard let mixture = configuration.mixture else { return output }
        let input = use(x)
        let places = ExpertPlaces(&self, mixture)
        let (widest, configuration) = (places.widest, configuration)
        let keys = (0..<mixture.experts).map { expert in
            model.expertRoles.map { LayerKey($0, expert: expert) }
        }
        let parts = model.parts(LayerKey(.gateUp, expert: 0), block: block, in: shape)
        add(
            group: { parameters in
                let block = parameters.block
                guard let chooser = block.router else { preconditionFailure("no router") }
                let experts = keys.map { keys in
                    places.expert(
                        Dictionary(
                            uniqueKeysWithValues: keys.compactMap { key in
                                parameters.layers[key].map { (key.role, $0) }
                            }), parts: parts, kind: .of(block, configuration))
                }
                return MixtureOperation(
                    MixtureOperation.Reading(
                        router: chooser,
                        layer: chooser.beside == nil
                            ? parameters.layers[LayerKey(.router)] : nil, input: router),
                    input: input, output: output, gathered: places.gathered, made: places.made,
                    experts: experts, perToken: mixture.expertsPerToken, widest: widest)
            },
            threadBytes: TuningBuffers.bytes(widest: widest)
                + MixtureOperation.Reading.bytes(mixture, hiddenSize: x.width))
        return output
    }
}

/// The variables that all experts of a block share: each has rows of its own in them.
private struct ExpertPlaces {
    let gathered: Variable
    let made: Variable
    private let up: Variable
    private let gate: Variable
    private let fed: Variable
    /// Gate and up in one; nil where they are two layers.
    private let fused: Variable?

    init(_ builder: inout TapeBuilder, _ mixture: MixtureConfiguration) {
        let rows = mixture.expertsPerToken
        let (hidden, size) = (builder.configuration.hiddenSize, builder.shape.expertSize)
        func place(_ builder: inout TapeBuilder, _ width: Int) -> Variable {
            builder.variable(width, rowsPerToken: rows)
        }
        gathered = place(&builder, hidden)
        made = place(&builder, hidden)
        up = place(&builder, size)
        gate = place(&builder, size)
        fed = place(&builder, size)
        fused = builder.model.expertRoles.contains(.gateUp) ? place(&builder, 2 * size) : nil
    }

    var widest: Int { max(gathered.width, 2 * up.width) }

    /// One expert's operations.
    /// - Parameter parts: the rows of gate and up where they are one layer.
    func expert(
        _ layers: [Role: LayerParameter], parts: [[Range<Int>]], kind: GateOperation.Kind
    ) -> MixtureOperation.Expert {
        var linear: [LinearOperation] = []
        var operations: [any RowOperation] = []
        func add(_ role: Role, _ input: Use, _ output: Variable) {
            guard let layer = layers[role] else { return }
            let operation = LinearOperation(parameter: layer, input: input, output: output)
            linear.append(operation)
            operations.append(operation)
        }
        if let fused {
            add(.gateUp, Use(gathered), fused)
            operations.append(
                SplitOperation(input: Use(fused), parts: parts, outputs: [gate, up]))
        } else {
            // Gone through last on the way back.
            add(.up, Use(gathered, accumulates: true), up)
            add(.gate, Use(gathered), gate)
        }
        operations.append(
            GateOperation(kind: kind, input: Use(up), gate: Use(gate), output: fed))
        add(.down, Use(fed), made)
        return MixtureOperation.Expert(operations: operations, linear: linear)
    }
}
