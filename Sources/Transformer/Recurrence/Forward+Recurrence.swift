import Tensors

extension Forward {
    /// Where the inputs of a group of sequences go; nil where no block of the model needs it.
    func recurrentInputs(length: Int, group: Int) -> RecurrentInputs? {
        guard let sizes = model.configuration.recurrence else { return nil }
        return recurrentInputs.withLock { inputs in
            if let inputs, inputs.length == length, inputs.sequences >= group { return inputs }
            // The old one goes first.
            inputs = nil
            let made = RecurrentInputs(sizes, sequences: group, length: length)
            inputs = made
            return made
        }
    }

    /// Takes the first sequences through a block's delta rule, where it has one. Each head of each
    /// sequence goes its own way from the first position to the last, so the threads share those
    /// out.
    func recur(_ block: Block, _ inputs: RecurrentInputs?, sequences: Int) throws {
        guard case .deltaRule(let weights) = block.mixer, let inputs,
            let heads = model.configuration.recurrence?.heads
        else { return }
        let shape = heads.shape
        try pool.forEach(sequences * heads.keyHeads, state: { DeltaRule(shape) }) { index, rule in
            let (sequence, head) = index.quotientAndRemainder(dividingBy: heads.keyHeads)
            let all = 0..<inputs.length
            let own = (head * shape.valueHeads)..<((head + 1) * shape.valueHeads)
            func factors(_ kind: RecurrentInputs.Factor) -> MatrixView {
                inputs.factors(kind, all, sequence: sequence).part(rows: all, columns: own)
            }
            rule.run(
                inputs.seen(all, sequence: sequence), heads.columns(of: head),
                decays: factors(.decays), rates: factors(.rates),
                convolution: weights.convolution, activation: weights.activation)
        }
    }
}
