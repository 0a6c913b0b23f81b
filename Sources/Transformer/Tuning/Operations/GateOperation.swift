import Tensors

/// The nonlinearity of a plain feed-forward.
struct ActivateOperation: RowOperation {
    let activation: BlockActivation
    let input: Use
    let output: Variable

    func forward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        let y = output.value.rows(chunk.rows)
        y.copy(from: input.value(chunk.rows))
        activation.apply(y)
    }

    func backward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        guard let dx = input.gradient(chunk.rows) else { return }
        activation.differentiate(input.value(chunk.rows), into: dx)
        multiply(dx, by: output.gradient.rows(chunk.rows))
    }
}

/// x f(gate): a gated feed-forward, or what weighs the heads' outputs.
struct GateOperation: RowOperation {
    enum Kind: Sendable {
        case activation(BlockActivation)
        /// As `clampedGate` has it.
        case clamped(ModelConfiguration.Clamp)

        /// Of a feed-forward, as `Model.gate` has it.
        static func of(_ block: Block, _ configuration: ModelConfiguration) -> Kind {
            configuration.clamp.map { .clamped($0) } ?? .activation(block.activation)
        }
    }

    let kind: Kind
    let input: Use
    let gate: Use
    let output: Variable

    func forward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        let y = output.value.rows(chunk.rows)
        y.copy(from: input.value(chunk.rows))
        let (copy, _) = buffers.pair(like: y)
        copy.copy(from: gate.value(chunk.rows))
        switch kind {
        case .activation(let activation): activation.gate(y, by: copy)
        case .clamped(let clamp):
            clampedGate(y, by: copy, slope: clamp.slope, limit: clamp.limit)
        }
    }

    func backward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        let change = output.gradient.rows(chunk.rows)
        let (x, g) = (input.value(chunk.rows), gate.value(chunk.rows))
        let (dx, dg) = (input.gradient(chunk.rows), gate.gradient(chunk.rows))
        switch kind {
        case .clamped(let clamp):
            guard let dx, let dg else { return }
            clampedGateGradient(
                of: change, x, gate: g, slope: clamp.slope, limit: clamp.limit, intoUp: dx,
                intoGate: dg)
        case .activation(let activation):
            if let dx {
                let (weighed, _) = buffers.pair(like: g)
                weighed.copy(from: g)
                activation.apply(weighed)
                product(change, weighed, into: dx)
            }
            guard let dg else { return }
            activation.differentiate(g, into: dg)
            multiply(dg, by: x)
            multiply(dg, by: change)
        }
    }
}

extension BlockActivation {
    /// y = f'(x), both `[rows, intermediate_size]`.
    func differentiate(_ x: MatrixView, into y: MatrixView) {
        switch self {
        case .fixed(let activation): activation.differentiate(x, into: y)
        case .learned(let activation): activation.differentiate(x, into: y)
        }
    }
}
