import Tensors

extension TapeBuilder {
    /// What the block's tokens make of each other: the input of its output projection. x: what
    /// attention reads.
    mutating func mix(_ x: Variable) -> Variable? {
        switch mixer {
        case .attention: attention(x)
        case .convolution: convolution(x)
        case .deltaRule: deltaRule(x)
        }
    }

    /// A short convolution between two gates.
    ///
    /// The same as `TileForward.convolutionInputs` and `convolve`.
    private mutating func convolution(_ x: Variable) -> Variable? {
        guard let entry = project(.convolutionEntry, x), let exit = project(.convolutionExit, x),
            let value = project(.convolutionValue, x)
        else { return nil }
        return product(convolved(product(value, entry)), exit)
    }

    /// The gated delta rule.
    ///
    /// The same as `TileForward.deltaInputs`, `Forward.recur` and `TileForward.deltaOutputs`.
    private mutating func deltaRule(_ x: Variable) -> Variable? {
        guard let mixed = project(.deltaMixed, x), let rawDecay = project(.deltaDecay, x),
            let rawRate = project(.deltaRate, x), let gate = project(.deltaGate, x),
            let heads = configuration.recurrence?.heads
        else { return nil }
        let seen = convolved(mixed)
        let active = variable(seen.width)
        let (decay, rate) = (variable(rawDecay.width), variable(rawRate.width))
        let raw = (seen: use(seen), decay: use(rawDecay), rate: use(rawRate))
        add { parameters in
            parameters.block.deltaWeights.map {
                ActivateOperation(
                    activation: .fixed($0.activation), input: raw.seen, output: active)
            }
        }
        add { parameters in
            parameters.block.deltaWeights.map {
                DecayOperation(weights: $0, input: raw.decay, output: decay)
            }
        }
        add { _ in
            ActivateOperation(activation: .fixed(.sigmoid), input: raw.rate, output: rate)
        }
        let output = variable(heads.values)
        let uses = (active: use(active), decay: use(decay), rate: use(rate))
        let length = length
        add(
            group: { _ in
                DeltaOperation(
                    heads: heads, length: length, input: uses.active, decay: uses.decay,
                    rate: uses.rate, output: output)
            }, threadBytes: DeltaOperation.bytes(heads, length: length))
        return gated(norm(.delta, output), by: gate, .silu)
    }

    /// What the block's convolution makes of x.
    private mutating func convolved(_ x: Variable) -> Variable {
        let output = variable(x.width)
        let input = use(x)
        let kernel = configuration.recurrence?.kernel ?? 1
        add(
            group: { parameters in
                guard let convolution = parameters.block.mixer.convolution else {
                    preconditionFailure("no convolution")
                }
                return ConvolutionOperation(
                    convolution: convolution, input: input, output: output)
            }, threadBytes: ConvolutionOperation.bytes(kernel: kernel, length: length))
        return output
    }

    /// x y, element by element.
    private mutating func product(_ x: Variable, _ y: Variable) -> Variable {
        gated(x, by: y, .linear)
    }

    /// x f(gate).
    mutating func gated(_ x: Variable, by gate: Variable, _ f: Activation) -> Variable {
        let output = variable(x.width)
        let (input, gateUse) = (use(x), use(gate))
        add { _ in
            GateOperation(
                kind: .activation(.fixed(f)), input: input, gate: gateUse, output: output)
        }
        return output
    }
}
