import COneDNN
import Glibc

/// Weights in the order in which oneDNN's product reads them, made once for many products: `[out,
/// in]` as the right factor of x Wᵀ.
///
/// Unchecked: it is never changed, and oneDNN only reads it.
package final class PackedWeights: @unchecked Sendable {
    package let rows: Int
    package let columns: Int
    package let isBfloat16: Bool
    let shape: dnnl_memory_desc_t
    let memory: dnnl_memory_t?
    private let start: UnsafeMutableRawPointer

    /// Rows that a product is expected to have: oneDNN chooses the order of the weights by it.
    private static let expectedRows = 256

    package convenience init(_ weights: Matrix, as input: ProductInput) {
        self.init(weights.view, as: input)
    }

    /// - Parameter weights: `[out, in]`, rounded to bfloat16 here where `input` says so.
    package init(_ weights: MatrixView, as input: ProductInput) {
        // The loops of oneDNN below stay on the calling thread.
        omp_set_num_threads(1)
        rows = weights.rows
        columns = weights.columns
        isBfloat16 = input == .bfloat16
        var shape = Self.packedShape(rows: rows, columns: columns, isBfloat16: isBfloat16)
        let bytes = (dnnl_memory_desc_get_size(&shape) + 63) / 64 * 64
        let block: UnsafeMutablePointer<UInt8> = allocateAligned(bytes)
        start = UnsafeMutableRawPointer(block)
        memory = OneDNN.memory(&shape, start)
        self.shape = shape
        reorder(weights)
        // In place: a copy of every layer that is being packed would be a good part of a block.
        if input == .roundedFloat32 {
            let elements = start.assumingMemoryBound(to: Float.self)
            hold(elements, count: dnnl_memory_desc_get_size(&shape) / 4, as: input, at: start)
        }
    }

    deinit {
        dnnl_memory_destroy(memory)
        free(start)
    }

    private static func packedShape(
        rows: Int, columns: Int, isBfloat16: Bool
    ) -> dnnl_memory_desc_t {
        let type = isBfloat16 ? dnnl_bf16 : dnnl_f32
        var input = OneDNN.describe(type, expectedRows, columns, columns, 1)
        var output = OneDNN.describe(dnnl_f32, expectedRows, rows, rows, 1)
        var weights = dnnl_memory_desc_t()
        let size = [dnnl_dim_t(columns), dnnl_dim_t(rows)]
        OneDNN.check(
            dnnl_memory_desc_init_by_tag(&weights, 2, size, type, dnnl_format_tag_any))
        var description = dnnl_matmul_desc_t()
        OneDNN.check(dnnl_matmul_desc_init(&description, &input, &weights, nil, &output))
        var kernel: dnnl_primitive_desc_t?
        OneDNN.check(
            dnnl_primitive_desc_create(&kernel, &description, nil, OneDNN.engine, nil))
        defer { dnnl_primitive_desc_destroy(kernel) }
        return dnnl_primitive_desc_query_md(kernel, dnnl_query_weights_md, 0).pointee
    }

    /// Rounds to bfloat16 on the way where that is the type, to the nearest, ties to even.
    private func reorder(_ source: MatrixView) {
        var plain = OneDNN.describe(dnnl_f32, columns, rows, 1, source.stride)
        var packed = shape
        var kernel: dnnl_primitive_desc_t?
        OneDNN.check(
            dnnl_reorder_primitive_desc_create(
                &kernel, &plain, OneDNN.engine, &packed, OneDNN.engine, nil))
        defer { dnnl_primitive_desc_destroy(kernel) }
        var primitive: dnnl_primitive_t?
        OneDNN.check(dnnl_primitive_create(&primitive, kernel))
        defer { dnnl_primitive_destroy(primitive) }
        let from = OneDNN.memory(&plain, source.start)
        defer { dnnl_memory_destroy(from) }
        let stream = OneDNN.stream()
        defer { dnnl_stream_destroy(stream) }
        let arguments = [
            dnnl_exec_arg_t(arg: DNNL_ARG_FROM, memory: from),
            dnnl_exec_arg_t(arg: DNNL_ARG_TO, memory: memory),
        ]
        OneDNN.check(dnnl_primitive_execute(primitive, stream, 2, arguments))
        OneDNN.check(dnnl_stream_wait(stream))
    }

    /// What it takes, in bytes, near enough.
    package static func bytes(rows: Int, columns: Int, input: ProductInput) -> Int {
        // oneDNN fills up blocks of at most 64 columns.
        (rows + 63) / 64 * 64 * columns * input.size
    }
}
