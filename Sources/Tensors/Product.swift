import COneDNN

/// c = scale * a b, or a bᵀ where `transposed`: `[m, k]` times `[k, n]` (or `[n, k]`) into `[m, n]`.
///
/// Runs on the calling thread alone (see `WorkerPool`), so that its result depends on the shapes and
/// nothing else. Source: `dnnl_sgemm` of oneDNN, row-major.
package func multiply(
    _ a: MatrixView, _ b: MatrixView, transposed: Bool, into c: MatrixView, scale: Float = 1
) {
    let inner = transposed ? b.columns : b.rows
    precondition(
        a.columns == inner && c.rows == a.rows && c.columns == (transposed ? b.rows : b.columns),
        "shapes do not fit")
    guard c.rows > 0, c.columns > 0 else { return }
    let status = dnnl_sgemm(
        CChar(UInt8(ascii: "N")), CChar(UInt8(ascii: transposed ? "T" : "N")),
        dnnl_dim_t(c.rows), dnnl_dim_t(c.columns), dnnl_dim_t(inner), scale,
        a.start, dnnl_dim_t(a.stride), b.start, dnnl_dim_t(b.stride), 0,
        c.start, dnnl_dim_t(c.stride))
    // The only causes are a null pointer or a stride below the width, which the views rule out.
    precondition(status == dnnl_success, "dnnl_sgemm: status \(status.rawValue)")
}
