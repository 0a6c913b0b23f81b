import Tensors

extension TileForward {
    /// What the feed-forward reads. x: `[rows, hidden_size]`.
    func feedForwardInput(_ x: MatrixView) -> MatrixView {
        guard configuration.normsBefore, let norm = block.norms.feedForward else { return x }
        let normed = buffers.normed.view.prefix(count)
        norm.apply(x, into: normed)
        return normed
    }

    /// normed, x: `[rows, hidden_size]`; x is nil to end at the last layer's input.
    func feed(_ normed: MatrixView, addingTo x: MatrixView?) throws {
        try observe?(Tap(.feedForward), normed, tile)
        let up = feedUp(normed)
        try observe?(Tap(.down), up, tile)
        if let x { addFed(up, to: x) }
    }

    /// x += what the down projection makes. up: `[rows, intermediate_size]`; x:
    /// `[rows, hidden_size]`.
    func addFed(_ up: MatrixView, to x: MatrixView) {
        add(.down, up, norm: block.norms.feedForwardOutput, to: x)
    }

    /// What the down projection reads of it, `[rows, intermediate_size]`.
    func feedUp(_ normed: MatrixView) -> MatrixView {
        let up = view(buffers.up, columns: block.shape.intermediateSize)
        let left = buffers.products.left(normed, as: input)
        apply(.up, left, into: up)
        switch model.architecture.feedForward {
        case .gated, .clampedGate:
            let gate = view(buffers.gate, columns: block.shape.intermediateSize)
            apply(.gate, left, into: gate)
            model.gate(up, by: gate, of: block)
        case .plain:
            block.activation.apply(up)
        }
        return up
    }
}
