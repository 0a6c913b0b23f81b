import Tensors

extension TapeBuilder {
    /// What comes behind the feed-forward: what the block makes of its part of the second
    /// embedding, and the factor of its output, where the family has them.
    ///
    /// The same as `Block.applyEnd`.
    mutating func end(_ x: Variable) -> Variable {
        let output = configuration.perLayerSize > 0 ? perLayer(x) : x
        if model.architecture.names.blockScalar != nil { addFactor(to: output) }
        return output
    }

    /// In place.
    private mutating func addFactor(to x: Variable) {
        add { parameters in
            parameters.block.end?.scalar.map { ScaleOperation(variable: x, factor: $0) }
        }
    }

    private mutating func perLayer(_ x: Variable) -> Variable {
        let size = configuration.perLayerSize
        let part = variable(size, needsGradient: false)
        constants.perLayer = part
        let (gate, gated, made) = (variable(size), variable(size), variable(x.width))
        let uses = (x: use(x), part: use(part), gate: use(gate), gated: use(gated))
        add { parameters in
            parameters.perLayer.map {
                LinearOperation(parameter: $0.gate, input: uses.x, output: gate)
            }
        }
        add { parameters in
            parameters.block.end?.perLayer.map {
                GateOperation(
                    kind: .activation($0.activation), input: uses.part, gate: uses.gate,
                    output: gated)
            }
        }
        add { parameters in
            parameters.perLayer.map {
                LinearOperation(parameter: $0.output, input: uses.gated, output: made)
            }
        }
        return sum(x, norm(.perLayer, made))
    }

    /// The keys and values of an earlier block, which this one reads in place of own ones.
    mutating func keptKeyValues() -> (keys: Variable, values: Variable) {
        let kept = configuration.kept
        let keys = variable(
            kept.columns(.keys, block: block)?.count ?? 0, needsGradient: false)
        let values = variable(
            kept.columns(.values, block: block)?.count ?? 0, needsGradient: false)
        (constants.keys, constants.values) = (keys, values)
        return (keys, values)
    }
}
