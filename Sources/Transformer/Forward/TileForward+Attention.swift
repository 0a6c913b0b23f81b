import Tensors

extension TileForward {
    private var window: Int? { configuration.windows[block.index] }

    /// Some rows of the heads that share one head's keys and values: softmax(scale q kᵀ) v,
    /// causal, within the window, with scores capped where the family says so. query, output:
    /// `[rows of the tile, num_attention_heads * head_dim]`, of heads of queries and of values.
    func attend(
        _ query: MatrixView, into output: MatrixView, sharedHead: Int, rows: Range<Int>
    ) {
        let (dimension, width) = (heads.dimension, heads.valueDimension)
        let group = heads.perGroup
        let stack = group * rows.count
        let stacked = buffers.stacked.prefix(rows: stack, columns: dimension)
        let attended = buffers.attended.prefix(rows: stack, columns: width)
        func columns(_ member: Int, _ size: Int) -> Range<Int> {
            let head = sharedHead * group + member
            return (head * size)..<((head + 1) * size)
        }
        for member in 0..<group {
            let part = (member * rows.count)..<((member + 1) * rows.count)
            stacked.part(rows: part, columns: 0..<dimension)
                .copy(from: query.part(rows: rows, columns: columns(member, dimension)))
        }
        let queries =
            buffers.roundedQueries?.store(stacked)
            ?? Operand(roundingInPlace: stacked, as: input)
        let first = tile.rows.lowerBound + rows.lowerBound
        let last = tile.rows.lowerBound + rows.upperBound
        let oldest = window.map { max(0, first - $0 + 1) } ?? 0
        let factor = configuration.attentionScales[block.index]
        let cap = configuration.attentionSoftcap
        let isScaled = cap != nil || model.alibi != nil
        buffers.softmax.reset(rows: stack)
        if let sinks = block.sinks {
            for member in 0..<group {
                // Scores are not scaled before they get there; these are already.
                buffers.softmax.begin(
                    (member * rows.count)..<((member + 1) * rows.count),
                    with: sinks[sharedHead * group + member] / (isScaled ? 1 : factor))
            }
        }
        for start in stride(from: oldest, to: last, by: TileBuffers.keys) {
            let keys = start..<min(last, start + TileBuffers.keys)
            let scores = buffers.scores.prefix(rows: stack, columns: keys.count)
            buffers.products.multiply(
                queries,
                cache.read(.keys, sequence: slot, head: sharedHead, keys, dimension: dimension),
                transposed: true, into: scores)
            if let cap { softcap(scores, scale: factor, at: cap) }
            if let alibi = model.alibi {
                for member in 0..<group {
                    let part = (member * rows.count)..<((member + 1) * rows.count)
                    alibi.apply(
                        scores.part(rows: part, columns: 0..<keys.count),
                        head: sharedHead * group + member, scale: factor, from: start)
                }
            }
            let part = buffers.softmax.absorb(
                scores, scale: isScaled ? 1 : factor, into: attended, as: input,
                in: buffers.roundedWeights
            ) { row in
                let position = first + row % rows.count
                let from = window.map { max(0, position - $0 + 1) } ?? 0
                let lower = min(max(from, keys.lowerBound), keys.upperBound)
                let upper = min(max(position + 1, lower), keys.upperBound)
                return (lower - keys.lowerBound)..<(upper - keys.lowerBound)
            }
            buffers.products.multiply(
                part,
                cache.read(
                    .values, sequence: slot, head: sharedHead, keys, dimension: width),
                transposed: false, into: attended, accumulates: start > oldest)
        }
        for member in 0..<group {
            let part = (member * rows.count)..<((member + 1) * rows.count)
            buffers.softmax.normalize(
                attended.part(rows: part, columns: 0..<width), from: part.lowerBound,
                into: output.part(rows: rows, columns: columns(member, width)))
        }
    }
}
