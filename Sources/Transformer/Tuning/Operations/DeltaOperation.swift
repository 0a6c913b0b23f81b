import Tensors

/// The gated delta rule along each window. Backward, the states are made again.
///
/// Each key head of each window is a task of its own, with the value heads that share it.
struct DeltaOperation: GroupOperation {
    let heads: RecurrenceConfiguration.Heads
    let length: Int
    /// Queries, keys and values, behind convolution and nonlinearity.
    let input: Use
    /// `[tokens, value heads]`
    let decay: Use
    let rate: Use
    /// `[tokens, value heads * linear_value_head_dim]`
    let output: Variable

    func forward(_ group: TuningGroup, _ pool: WorkerPool) throws {
        let shape = heads.shape
        try pool.forEach(group.windows * heads.keyHeads, state: { DeltaRule(shape) }) {
            index, rule in
            let (rows, head) = place(index)
            rule.run(
                inputs(input.value(rows), decay.value(rows), rate.value(rows), head),
                into: results(output.value.rows(rows), head))
        }
    }

    func backward(_ group: TuningGroup, _ pool: WorkerPool) throws {
        let (shape, length) = (heads.shape, length)
        try pool.forEach(
            group.windows * heads.keyHeads,
            state: { DeltaRuleGradient(shape, length: length) }
        ) { index, rule in
            let (rows, head) = place(index)
            guard let byInput = input.gradient(rows), let byDecay = decay.gradient(rows),
                let byRate = rate.gradient(rows)
            else { return }
            rule.run(
                inputs(input.value(rows), decay.value(rows), rate.value(rows), head),
                of: results(output.gradient.rows(rows), head),
                into: inputs(byInput, byDecay, byRate, head))
        }
    }

    private func place(_ index: Int) -> (rows: Range<Int>, head: Int) {
        let (window, head) = index.quotientAndRemainder(dividingBy: heads.keyHeads)
        return ((window * length)..<((window + 1) * length), head)
    }

    /// What belongs to a key head.
    private func inputs(
        _ mixed: MatrixView, _ decays: MatrixView, _ rates: MatrixView, _ head: Int
    ) -> DeltaRule.Inputs {
        let columns = heads.columns(of: head)
        func part(_ x: MatrixView, _ columns: Range<Int>) -> MatrixView {
            x.part(rows: 0..<x.rows, columns: columns)
        }
        let count = heads.shape.valueHeads
        return DeltaRule.Inputs(
            queries: part(mixed, columns.queries), keys: part(mixed, columns.keys),
            values: part(mixed, columns.values),
            decays: AttentionHead.columns(decays, head, count),
            rates: AttentionHead.columns(rates, head, count))
    }

    private func results(_ x: MatrixView, _ head: Int) -> MatrixView {
        AttentionHead.columns(x, head, heads.shape.valueHeads * heads.valueDimension)
    }

    /// What it takes for each thread, in bytes.
    static func bytes(_ heads: RecurrenceConfiguration.Heads, length: Int) -> Int {
        max(DeltaRule.bytes(heads.shape), DeltaRuleGradient.bytes(heads.shape, length: length))
    }
}

/// How much of the delta rule's state stays at each position. Its own weights stay.
struct DecayOperation: RowOperation {
    let weights: DeltaWeights
    let input: Use
    let output: Variable

    func forward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        let y = output.value.rows(chunk.rows)
        y.copy(from: input.value(chunk.rows))
        decay(y, speeds: weights.speeds, biases: weights.stepBiases)
    }

    func backward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        guard let dx = input.gradient(chunk.rows) else { return }
        decayGradient(
            of: output.gradient.rows(chunk.rows), input.value(chunk.rows),
            decays: output.value.rows(chunk.rows), speeds: weights.speeds,
            biases: weights.stepBiases, into: dx)
    }
}
