import Tensors

/// What a thread needs beside `TileBuffers` for attention by latents.
struct LatentBuffers {
    /// `[tile, q_lora_rank]`; empty where queries have no latent.
    let query: Matrix
    /// `[tile, kv_lora_rank + qk_rope_head_dim]`: the latent of keys and values and the part of the
    /// keys that all heads share.
    let joint: Matrix
    /// `[tile, kv_lora_rank]`: the latent after its norm.
    let keyValue: Matrix
    /// `[tile, qk_nope_head_dim + qk_rope_head_dim]`: one head of keys.
    let key: Matrix

    init(_ latent: LatentConfiguration, rows: Int) {
        query = Matrix(rows: latent.queryRank == nil ? 0 : rows, columns: latent.queryRank ?? 0)
        joint = Matrix(rows: rows, columns: latent.keyValueRank + latent.rotatedSize)
        keyValue = Matrix(rows: rows, columns: latent.keyValueRank)
        key = Matrix(rows: rows, columns: latent.headDim)
    }

    /// Elements of a row of all of them.
    static func width(_ latent: LatentConfiguration) -> Int {
        (latent.queryRank ?? 0) + 2 * latent.keyValueRank + latent.rotatedSize + latent.headDim
    }
}
