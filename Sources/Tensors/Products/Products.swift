import COneDNN

/// One thread's matrix products: oneDNN's kernels for the shapes that it has seen, and what
/// memory they need.
///
/// Each product runs on the calling thread alone (see `WorkerPool`), so that its result depends on
/// the shapes and nothing else. Source: the matmul primitive of oneDNN's C API.
package final class Products {
    private let stream = OneDNN.stream()
    private var kernels: [ProductShape: ProductKernel] = [:]
    /// For factors that must be rounded.
    private var rounded = FactorBuffer(count: 0, as: .bfloat16)
    /// The kernels' working memory.
    private var working = Buffer<UInt8>(count: 0)

    /// Beyond so many shapes all are forgotten: texts whose windows all differ, for one.
    private static let remembered = 256

    package init() {}

    deinit { dnnl_stream_destroy(stream) }

    /// `x` as a left factor, copied only where it must be rounded; the next call may overwrite it.
    package func left(_ x: MatrixView, as input: ProductInput) -> Operand {
        if input == .float32 { return Operand(x) }
        let count = x.rows * x.columns
        if rounded.input != input || rounded.count < count {
            rounded = FactorBuffer(count: count, as: input)
        }
        return rounded.store(x)
    }

    /// y = x Wᵀ + bias, or y += where `accumulates`. x: `[m, in]`, weights: `[out, in]`,
    /// bias: `[out]`, y: `[m, out]`.
    package func multiply(
        _ x: Operand, _ weights: PackedWeights, bias: UnsafePointer<Float>? = nil,
        into y: MatrixView, accumulates: Bool = false
    ) {
        precondition(
            x.columns == weights.columns && y.rows == x.rows && y.columns == weights.rows
                && x.isBfloat16 == weights.isBfloat16, "shapes do not fit")
        let shape = ProductShape(
            rows: x.rows, inner: x.columns, columns: y.columns, leftStride: x.stride,
            right: .packed, targetStride: y.stride, isBfloat16: x.isBfloat16,
            hasBias: bias != nil, accumulates: accumulates)
        guard shape.isWork else { return }
        let kernel = kernel(shape) { weights.shape }
        kernel.run(
            x.start, weights.memory, bias, y.start, workingStart(bytes: kernel.workingBytes),
            stream)
    }

    /// y = x Wᵀ + bias, where there is one. bias: `[n]`.
    package func multiply(
        _ x: Operand, _ weights: PackedWeights, bias: [Float]?, into y: MatrixView
    ) {
        guard let bias else { return multiply(x, weights, into: y) }
        precondition(bias.count == y.columns, "shapes do not fit")
        bias.withUnsafeBufferPointer {
            multiply(x, weights, bias: $0.baseAddress, into: y)
        }
    }

    /// y = a b, or a bᵀ where `transposed`, or y += where `accumulates`. a: `[m, k]`,
    /// b: `[k, n]` (or `[n, k]`), y: `[m, n]`.
    package func multiply(
        _ a: Operand, _ b: Operand, transposed: Bool, into y: MatrixView,
        accumulates: Bool = false
    ) {
        precondition(
            a.columns == (transposed ? b.columns : b.rows) && y.rows == a.rows
                && y.columns == (transposed ? b.rows : b.columns)
                && a.isBfloat16 == b.isBfloat16, "shapes do not fit")
        let shape = ProductShape(
            rows: a.rows, inner: a.columns, columns: y.columns, leftStride: a.stride,
            right: transposed ? .transposed(b.stride) : .plain(b.stride),
            targetStride: y.stride, isBfloat16: a.isBfloat16, hasBias: false,
            accumulates: accumulates)
        guard shape.isWork else { return }
        let kernel = kernel(shape) {
            let type = b.isBfloat16 ? dnnl_bf16 : dnnl_f32
            return transposed
                ? OneDNN.describe(type, b.columns, b.rows, 1, b.stride)
                : OneDNN.describe(type, b.rows, b.columns, b.stride, 1)
        }
        kernel.run(
            a.start, b.start, y.start, workingStart(bytes: kernel.workingBytes), stream)
    }

    private func workingStart(bytes: Int) -> UnsafeMutableRawPointer {
        if working.count < bytes { working = Buffer(count: bytes) }
        return UnsafeMutableRawPointer(working.start)
    }

    private func kernel(
        _ shape: ProductShape, right: () -> dnnl_memory_desc_t
    ) -> ProductKernel {
        if let known = kernels[shape] { return known }
        if kernels.count >= Self.remembered { kernels = [:] }
        let kernel = ProductKernel(shape, right: right())
        kernels[shape] = kernel
        return kernel
    }
}
