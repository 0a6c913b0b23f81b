import Tensors

/// Called with the input of some layers of a block, `[tokens, features]`, before they run.
package typealias TapObserver = (_ tap: Tap, _ input: MatrixView) -> Void

extension Block {
    /// Runs the block on one sequence, in place. hidden: `[length, hidden_size]`, row r at position r.
    ///
    /// `observe` sees the input of every layer. With `stopsAtDown` it ends once it has seen the last
    /// of them, and what `hidden` holds then is of no use.
    package func forward(
        _ hidden: MatrixView, model: Model, workspace: Workspace, stopsAtDown: Bool = false,
        observe: TapObserver? = nil
    ) {
        let length = hidden.rows
        let normed = workspace.normed.view.prefix(length)
        let projected = workspace.projected.view.prefix(length)
        let normsBefore = model.configuration.normsBefore

        if normsBefore { attentionNorm.apply(hidden, into: normed) }
        attend(
            normsBefore ? normed : hidden, into: projected, model: model, workspace: workspace,
            observe: observe)
        add(projected, to: hidden)
        if !normsBefore { attentionNorm.apply(hidden, into: hidden) }

        if normsBefore { feedForwardNorm.apply(hidden, into: normed) }
        feed(
            normsBefore ? normed : hidden, into: stopsAtDown ? nil : projected, model: model,
            workspace: workspace, observe: observe)
        if stopsAtDown { return }
        add(projected, to: hidden)
        if !normsBefore { feedForwardNorm.apply(hidden, into: hidden) }
    }

    private func apply(
        _ role: Role, _ x: MatrixView, into y: MatrixView, workspace: Workspace
    ) {
        layers[role]?.apply(x, into: y, using: &workspace.products)
    }

    /// Grouped-query attention. x, y: `[length, hidden_size]`.
    private func attend(
        _ x: MatrixView, into y: MatrixView, model: Model, workspace: Workspace,
        observe: TapObserver?
    ) {
        let length = x.rows
        let headDim = model.configuration.headDim
        let query = workspace.query.view.prefix(length)
        let key = workspace.key.view.prefix(length)
        let value = workspace.value.view.prefix(length)
        let mixed = workspace.mixed.view.prefix(length)
        observe?(.attention, x)
        apply(.query, x, into: query, workspace: workspace)
        apply(.key, x, into: key, workspace: workspace)
        apply(.value, x, into: value, workspace: workspace)
        queryNorm?.applyPerHead(query, headDimension: headDim)
        keyNorm?.applyPerHead(key, headDimension: headDim)
        if let rotary = model.rotary(positions: length) {
            rotary.apply(query, headDimension: headDim)
            rotary.apply(key, headDimension: headDim)
        }
        let heads = model.configuration.numAttentionHeads
        let group = heads / model.configuration.numKeyValueHeads
        for head in 0..<heads {
            let columns = (head * headDim)..<((head + 1) * headDim)
            let shared = (head / group * headDim)..<((head / group + 1) * headDim)
            attend(
                query: query.part(rows: 0..<length, columns: columns),
                key: key.part(rows: 0..<length, columns: shared),
                value: value.part(rows: 0..<length, columns: shared),
                into: mixed.part(rows: 0..<length, columns: columns), scores: workspace.scores)
        }
        observe?(.output, mixed)
        apply(.output, mixed, into: y, workspace: workspace)
    }

    /// One head: softmax(q kᵀ / sqrt(d)) v, causal, within the window. All `[length, head_dim]`.
    private func attend(
        query: MatrixView, key: MatrixView, value: MatrixView, into output: MatrixView,
        scores: Matrix
    ) {
        let length = query.rows
        let all = 0..<query.columns
        let scale = 1 / Float(query.columns).squareRoot()
        for start in stride(from: 0, to: length, by: Workspace.tile) {
            let end = min(length, start + Workspace.tile)
            let first = window.map { max(0, start - $0 + 1) } ?? 0
            // Columns past the tile's last row are never attended to and not computed.
            let part = scores.view.part(rows: 0..<(end - start), columns: 0..<(end - first))
            multiply(
                query.part(rows: start..<end, columns: all),
                key.part(rows: first..<end, columns: all), transposed: true, into: part,
                scale: scale)
            softmax(part) { row in
                let position = start + row
                let oldest = window.map { max(0, position - $0 + 1) } ?? 0
                return (oldest - first)..<(position + 1 - first)
            }
            multiply(
                part, value.part(rows: first..<end, columns: all), transposed: false,
                into: output.part(rows: start..<end, columns: all))
        }
    }

    /// x: `[length, hidden_size]`, y the same, or nil to stop before the down projection.
    private func feed(
        _ x: MatrixView, into y: MatrixView?, model: Model, workspace: Workspace,
        observe: TapObserver?
    ) {
        let up = workspace.up.view.prefix(x.rows)
        observe?(.feedForward, x)
        apply(.up, x, into: up, workspace: workspace)
        switch model.architecture.feedForward {
        case .gated:
            let gate = workspace.gate.view.prefix(x.rows)
            apply(.gate, x, into: gate, workspace: workspace)
            model.configuration.activation.apply(gate)
            multiply(up, by: gate)
        case .plain:
            model.configuration.activation.apply(up)
        }
        observe?(.down, up)
        if let y { apply(.down, up, into: y, workspace: workspace) }
    }
}
