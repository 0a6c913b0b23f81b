import Tensors

/// Attention by latents. Source: `forward` and `expand_kv` of `DeepseekV3Attention` in
/// `modeling_deepseek_v3.py` of transformers.
extension TileForward {
    /// The tile's keys and values go to the cache, each head by itself. normed:
    /// `[rows, hidden_size]`, what attention reads.
    func keysAndValues(
        _ normed: MatrixView, _ latent: LatentConfiguration, _ own: LatentBuffers
    ) throws {
        func columns(_ x: MatrixView, _ columns: Range<Int>) -> MatrixView {
            x.part(rows: 0..<count, columns: columns)
        }
        let joint = own.joint.view.prefix(count)
        apply(.keyValueLatent, buffers.products.left(normed, as: input), into: joint)
        let compressed = own.keyValue.view.prefix(count)
        block.norms.keyValueLatent?.apply(
            columns(joint, 0..<latent.keyValueRank), into: compressed)
        try observe?(Tap(.keyValueLatent), compressed, tile)
        let (plain, width) = (latent.plainSize, latent.plainSize + latent.valueSize)
        let heads = block.shape.keyValueHeads
        let expanded = view(buffers.shared, columns: heads * width)
        apply(
            .keyValueFromLatent, buffers.products.left(compressed, as: input), into: expanded)
        let key = own.key.view.prefix(count)
        let rotated = columns(key, plain..<latent.headDim)
        rotated.copy(from: columns(joint, latent.keyValueRank..<joint.columns))
        table?.apply(rotated, headDimension: latent.rotatedSize, from: tile.rows.lowerBound)
        for head in 0..<heads {
            let (start, end) = (head * width, (head + 1) * width)
            columns(key, 0..<plain).copy(from: columns(expanded, start..<(start + plain)))
            cache.store(key, .keys, sequence: slot, head: head, at: tile.rows)
            cache.store(
                columns(expanded, (start + plain)..<end), .values, sequence: slot, head: head,
                at: tile.rows)
        }
    }

    /// normed: `[rows, hidden_size]`, what attention reads; query:
    /// `[rows, num_attention_heads * (qk_nope_head_dim + qk_rope_head_dim)]`.
    func queries(
        _ normed: MatrixView, _ latent: LatentConfiguration, _ own: LatentBuffers,
        into query: MatrixView
    ) throws {
        let left = buffers.products.left(normed, as: input)
        if latent.queryRank == nil {
            apply(.query, left, into: query)
        } else {
            let compressed = own.query.view.prefix(count)
            apply(.queryLatent, left, into: compressed)
            block.norms.queryLatent?.apply(compressed, into: compressed)
            try observe?(Tap(.queryLatent), compressed, tile)
            apply(.queryFromLatent, buffers.products.left(compressed, as: input), into: query)
        }
        guard let table else { return }
        for end in stride(from: latent.headDim, through: query.columns, by: latent.headDim) {
            table.apply(
                query.part(rows: 0..<count, columns: (end - latent.rotatedSize)..<end),
                headDimension: latent.rotatedSize, from: tile.rows.lowerBound)
        }
    }
}
