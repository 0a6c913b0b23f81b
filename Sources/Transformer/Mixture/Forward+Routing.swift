import Tensors

extension Forward {
    /// The outputs of a block's router for some tokens, `[tokens, experts]`.
    ///
    /// - Parameters:
    ///   - block: a mixture with its router's layer.
    ///   - middle: what stands before its feed-forward, `[at least tokens, hidden_size]`.
    ///   - use: called with some of them and the first of their tokens, from any thread.
    package func routerOutputs(
        _ block: Block, _ middle: Matrix, tokens: Int,
        use: @Sendable (_ outputs: MatrixView, _ first: Int) throws -> Void
    ) throws {
        let experts = model.configuration.mixture?.experts ?? 0
        try pool.forEach(
            (tokens + Tile.size - 1) / Tile.size, state: { expertBuffers.borrow() }
        ) { index, loan in
            let rows = (index * Tile.size)..<min(tokens, (index + 1) * Tile.size)
            let buffers = loan.buffers
            let input = buffers.normed.prefix(rows: rows.count, columns: middle.columns)
            input.copy(from: middle.rows(rows))
            middle.release(rows)
            let outputs = Matrix(rows: rows.count, columns: experts)
            if let router = block.router?.beside {
                let normed = Matrix(rows: rows.count, columns: middle.columns)
                router.apply(input, into: outputs.view, through: normed.view, buffers.products)
            } else {
                if model.configuration.normsBefore {
                    block.norms.feedForward?.apply(input, into: input)
                }
                guard let (layer, part) = block.projections[LayerKey(.router)] else { return }
                layer.apply(
                    Operand(input), part: part, into: outputs.view, using: buffers.products)
            }
            try use(outputs.view, rows.lowerBound)
        }
    }

    /// Sends all tokens of a stream to experts once more, as the block's router chooses now.
    package func route(_ block: Block, _ middle: Matrix, into routes: Routes) throws {
        try routerOutputs(block, middle, tokens: routes.tokens) { outputs, first in
            block.router?.route(outputs, first: first, into: routes)
        }
    }
}

extension Block {
    /// How many experts serve a token; 0 where there are none.
    package var expertsPerToken: Int { router?.mixture.expertsPerToken ?? 0 }

    /// Whether a token's experts and their weights stay the same when another expert goes.
    package var routesLocally: Bool {
        guard let router, router.mixture.groups == nil else { return false }
        switch router.routing.scores {
        case .softmax: return router.mixture.normalises
        case .sigmoid, .logits: return true
        case .mixer: return false
        }
    }

    /// Where tokens go by the router's outputs, `[tokens, experts]`, if some experts alone are
    /// there.
    package func routes(_ outputs: Matrix, among experts: [Int], perToken: Int) -> Routes {
        let routes = Routes(tokens: outputs.rows, perToken: perToken)
        router?.among(experts).route(outputs.view, first: 0, into: routes)
        return routes
    }
}
