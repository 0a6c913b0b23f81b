import Tensors

extension TileForward {
    /// One step of a block that is no mixture, in place. x: `[rows, hidden_size]`.
    func run(_ step: BlockStep, _ x: MatrixView) throws {
        switch step {
        case .enter: try enter(x)
        case .latents: try storeLatents(x)
        case .mix:
            try storeMixed(x)
            if configuration.isParallel { try storeFed(feedForwardInput(x)) }
        case .attend: try attend(x)
        case .feed: try storeFed(feedForwardInput(x))
        case .end:
            if configuration.isParallel { addStoredMixed(to: x) }
            addFed(restored(.down, buffers.up, columns: fedWidth), to: x)
            try end(x)
        }
    }

    /// One step of a mixture's block. x: `[rows, hidden_size]`, what stands before the feed-forward
    /// from `attend` on; the other parameters as of `middle`.
    func run(
        _ step: BlockStep, _ x: MatrixView, _ routes: Routes, first: Int, sum: MatrixView?,
        beside: MatrixView?
    ) throws {
        switch step {
        case .enter, .latents, .attend: try run(step, x)
        case .mix: try storeMixed(x)
        case .feed:
            let normed = feedForwardInput(x)
            route(x, normed, routes, first: first)
            if hasShared { try storeFed(normed) }
        case .end:
            guard let sum else { return }
            guard hasShared else { return sum.fill(0) }
            share(
                restored(.down, buffers.up, columns: fedWidth), feedForwardInput(x), sum: sum,
                beside: beside)
        }
    }

    private func enter(_ x: MatrixView) throws {
        try observe?(Tap(.attention), attentionInput(x), tile)
        if configuration.isParallel { try observe?(Tap(.feedForward), feedForwardInput(x), tile) }
    }

    private func storeMixed(_ x: MatrixView) throws {
        let mixed = try mix(x)
        stored(.output, columns: mixed.columns).copy(from: mixed)
    }

    private func attend(_ x: MatrixView) throws {
        addStoredMixed(to: x)
        try observe?(Tap(.feedForward), feedForwardInput(x), tile)
    }

    private func addStoredMixed(to x: MatrixView) {
        addMixed(restored(.output, buffers.mixed, columns: mixedWidth), to: x)
    }

    private func storeFed(_ normed: MatrixView) throws {
        let up = feedUp(normed)
        stored(.down, columns: up.columns).copy(from: up)
        try observe?(Tap(.down), up, tile)
    }

    private var fedWidth: Int { block.layers[LayerKey(.down)]?.columns ?? 0 }

    private var mixedWidth: Int { block.layers[LayerKey(mixer.output)]?.columns ?? 0 }

    /// Where the input of a layer stands between two steps.
    private func stored(_ stage: Stage, columns: Int) -> MatrixView {
        guard let between else { preconditionFailure("no place between steps") }
        let first = stage == .down && configuration.isParallel ? configuration.mixerWidth : 0
        return between.part(rows: 0..<count, columns: first..<(first + columns))
    }

    /// A copy of it without gaps.
    private func restored(_ stage: Stage, _ buffer: Matrix, columns: Int) -> MatrixView {
        let copy = view(buffer, columns: columns)
        copy.copy(from: stored(stage, columns: columns))
        return copy
    }
}
