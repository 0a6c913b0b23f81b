import Tensors

/// Keys and values of all heads: of each, what its latent makes, and behind the keys the part that
/// is rotated and that all heads share.
struct LatentOperation: RowOperation {
    let latent: LatentConfiguration
    let heads: Int
    /// `[tokens, heads * (qk_nope_head_dim + v_head_dim)]`
    let expanded: Use
    /// `[tokens, qk_rope_head_dim]`
    let rotated: Use
    let key: Variable
    let value: Variable

    func forward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        let (keys, values) = (key.value.rows(chunk.rows), value.value.rows(chunk.rows))
        forEachHead(expanded.value(chunk.rows), keys, values) {
            expandedKey, expandedValue, key, shared, value, _ in
            key.copy(from: expandedKey)
            shared.copy(from: rotated.value(chunk.rows))
            value.copy(from: expandedValue)
        }
    }

    func backward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        guard let whole = expanded.gradient(chunk.rows), let sum = rotated.gradient(chunk.rows)
        else { return }
        let (keys, values) = (key.gradient.rows(chunk.rows), value.gradient.rows(chunk.rows))
        forEachHead(whole, keys, values) {
            expandedKey, expandedValue, key, shared, value, head in
            expandedKey.copy(from: key)
            pass(shared, to: sum, accumulates: head > 0)
            expandedValue.copy(from: value)
        }
    }

    private func forEachHead(
        _ expanded: MatrixView, _ keys: MatrixView, _ values: MatrixView,
        _ body: (
            _ expandedKey: MatrixView, _ expandedValue: MatrixView, _ key: MatrixView,
            _ shared: MatrixView, _ value: MatrixView, _ head: Int
        ) -> Void
    ) {
        let (plain, size) = (latent.plainSize, latent.valueSize)
        func part(_ x: MatrixView, _ start: Int, _ count: Int) -> MatrixView {
            x.part(rows: 0..<x.rows, columns: start..<(start + count))
        }
        for head in 0..<heads {
            let (first, key) = (head * (plain + size), head * latent.headDim)
            body(
                part(expanded, first, plain), part(expanded, first + plain, size),
                part(keys, key, plain), part(keys, key + plain, latent.rotatedSize),
                part(values, head * size, size), head)
        }
    }
}
