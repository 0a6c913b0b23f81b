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
        if let stored = storedLatents {
            joint.copy(from: stored.joint)
        } else {
            apply(.keyValueLatent, buffers.products.left(normed, as: input), into: joint)
        }
        let compressed = try keyValueLatent(of: joint, latent, own)
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
        if latent.queryRank == nil {
            apply(.query, buffers.products.left(normed, as: input), into: query)
        } else {
            let compressed = own.query.view.prefix(count)
            if let stored = storedLatents {
                compressed.copy(from: stored.query)
            } else {
                apply(.queryLatent, buffers.products.left(normed, as: input), into: compressed)
            }
            try normQueryLatent(compressed)
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

extension TileForward {
    /// joint: `[rows, kv_lora_rank + qk_rope_head_dim]`.
    /// - Returns: the latent after its norm, `[rows, kv_lora_rank]`.
    private func keyValueLatent(
        of joint: MatrixView, _ latent: LatentConfiguration, _ own: LatentBuffers
    ) throws -> MatrixView {
        let compressed = own.keyValue.view.prefix(count)
        block.norms.keyValueLatent?.apply(
            joint.part(rows: 0..<count, columns: 0..<latent.keyValueRank), into: compressed)
        try observe?(Tap(.keyValueLatent), compressed, tile)
        return compressed
    }

    /// x: the queries' latent, `[rows, q_lora_rank]`.
    private func normQueryLatent(_ x: MatrixView) throws {
        block.norms.queryLatent?.apply(x, into: x)
        try observe?(Tap(.queryLatent), x, tile)
    }

    /// Where the latents stand between two steps, before their norms; nil where the block runs as a
    /// whole.
    private var storedLatents: (joint: MatrixView, query: MatrixView)? {
        guard let between, let latent = configuration.latent else { return nil }
        let width = latent.keyValueRank + latent.rotatedSize
        return (
            between.part(rows: 0..<count, columns: 0..<width),
            between.part(rows: 0..<count, columns: width..<(width + (latent.queryRank ?? 0)))
        )
    }

    /// The step that makes the latents and leaves them. x: `[rows, hidden_size]`.
    func storeLatents(_ x: MatrixView) throws {
        guard let latent = configuration.latent, let own = buffers.latent,
            let stored = storedLatents
        else { return }
        let left = buffers.products.left(attentionInput(x), as: input)
        let joint = own.joint.view.prefix(count)
        apply(.keyValueLatent, left, into: joint)
        stored.joint.copy(from: joint)
        if latent.queryRank != nil {
            let query = own.query.view.prefix(count)
            apply(.queryLatent, left, into: query)
            stored.query.copy(from: query)
            try normQueryLatent(query)
        }
        _ = try keyValueLatent(of: joint, latent, own)
    }
}
