import COneDNN

/// c = scale * a b, or a bᵀ where `transposed`, or c += where `accumulates`: `[m, k]` times `[k,
/// n]` (or `[n, k]`) into `[m, n]`.
///
/// Runs on the calling thread alone (see `WorkerPool`), so that its result depends on the shapes
/// and nothing else. Source: `dnnl_sgemm` of oneDNN, row-major.
package func multiply(
    _ a: MatrixView, _ b: MatrixView, transposed: Bool, into c: MatrixView, scale: Float = 1,
    accumulates: Bool = false
) {
    let inner = transposed ? b.columns : b.rows
    precondition(
        a.columns == inner && c.rows == a.rows && c.columns == (transposed ? b.rows : b.columns),
        "shapes do not fit")
    product(
        a, "N", b, transposed ? "T" : "N", inner: inner, into: c, scale: scale,
        accumulates: accumulates)
}

/// c = aᵀ b, or c += where `accumulates`: `[k, m]` and `[k, n]` into `[m, n]`, on the calling
/// thread alone.
package func multiplyTransposed(
    _ a: MatrixView, _ b: MatrixView, into c: MatrixView, accumulates: Bool = false
) {
    precondition(
        a.rows == b.rows && c.rows == a.columns && c.columns == b.columns, "shapes do not fit")
    product(a, "T", b, "N", inner: a.rows, into: c, scale: 1, accumulates: accumulates)
}

private func product(
    _ a: MatrixView, _ formA: Unicode.Scalar, _ b: MatrixView, _ formB: Unicode.Scalar, inner: Int,
    into c: MatrixView, scale: Float, accumulates: Bool
) {
    guard c.rows > 0, c.columns > 0 else { return }
    if inner == 0 {
        // Views of no rows may begin nowhere.
        if !accumulates { c.fill(0) }
        return
    }
    let status = withoutSubnormals {
        dnnl_sgemm(
            CChar(UInt8(ascii: formA)), CChar(UInt8(ascii: formB)),
            dnnl_dim_t(c.rows), dnnl_dim_t(c.columns), dnnl_dim_t(inner), scale,
            a.start, dnnl_dim_t(a.stride), b.start, dnnl_dim_t(b.stride), accumulates ? 1 : 0,
            c.start, dnnl_dim_t(c.stride))
    }
    // The only causes are a null pointer or a stride below the width, which the views rule out.
    precondition(status == dnnl_success, "dnnl_sgemm: status \(status.rawValue)")
}
