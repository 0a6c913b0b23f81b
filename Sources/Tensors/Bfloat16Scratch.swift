import COneDNN
import Glibc

/// What one thread needs for products in bfloat16: oneDNN's engine and stream and a rounded copy of
/// the input. Empty until it is first used.
///
/// Source: the matmul primitive of oneDNN's C API; its own cache keeps the compiled kernels.
package struct Bfloat16Scratch: ~Copyable {
    private var engine: dnnl_engine_t?
    private var stream: dnnl_stream_t?
    private var input: UnsafeMutablePointer<UInt16>?
    private var capacity = 0

    package init() {}

    deinit {
        free(input)
        if let stream { dnnl_stream_destroy(stream) }
        if let engine { dnnl_engine_destroy(engine) }
    }

    /// y = x Wᵀ. x: `[m, columns]`, weights: `[rows, columns]`, y: `[m, rows]`.
    mutating func multiply(
        _ x: MatrixView, transposed weights: UnsafeMutablePointer<UInt16>, rows: Int, columns: Int,
        into y: MatrixView
    ) {
        precondition(x.columns == columns && y.rows == x.rows && y.columns == rows)
        guard x.rows > 0, rows > 0, columns > 0 else { return }
        let source = round(x)
        if engine == nil { check(dnnl_engine_create(&engine, dnnl_cpu, 0)) }
        if stream == nil {
            check(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags.rawValue))
        }
        var sourceShape = describe(dnnl_bf16, x.rows, columns, columns, 1)
        var weightsShape = describe(dnnl_bf16, columns, rows, 1, columns)
        var targetShape = describe(dnnl_f32, y.rows, rows, y.stride, 1)
        var description = dnnl_matmul_desc_t()
        check(
            dnnl_matmul_desc_init(&description, &sourceShape, &weightsShape, nil, &targetShape))
        var kernel: dnnl_primitive_desc_t?
        check(dnnl_primitive_desc_create(&kernel, &description, nil, engine, nil))
        defer { dnnl_primitive_desc_destroy(kernel) }
        var primitive: dnnl_primitive_t?
        check(dnnl_primitive_create(&primitive, kernel))
        defer { dnnl_primitive_destroy(primitive) }
        let memories = [
            memory(&sourceShape, source), memory(&weightsShape, weights),
            memory(&targetShape, y.start),
        ]
        defer { for memory in memories { dnnl_memory_destroy(memory) } }
        let arguments = zip([DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST], memories).map {
            dnnl_exec_arg_t(arg: $0, memory: $1)
        }
        check(dnnl_primitive_execute(primitive, stream, CInt(arguments.count), arguments))
        check(dnnl_stream_wait(stream))
    }

    private mutating func round(_ x: MatrixView) -> UnsafeMutablePointer<UInt16> {
        let count = x.rows * x.columns
        if count > capacity {
            free(input)
            input = allocateAligned(count)
            capacity = count
        }
        let target = input!
        for index in 0..<x.rows {
            let row = x.row(index)
            let rounded = target + index * x.columns
            for j in 0..<x.columns { rounded[j] = bfloat16Bits(row[j]) }
        }
        return target
    }

    private func memory(
        _ shape: inout dnnl_memory_desc_t, _ start: UnsafeMutableRawPointer
    ) -> dnnl_memory_t? {
        var result: dnnl_memory_t?
        check(dnnl_memory_create(&result, &shape, engine, start))
        return result
    }
}

/// A `[rows, columns]` matrix with these strides.
private func describe(
    _ type: dnnl_data_type_t, _ rows: Int, _ columns: Int, _ rowStride: Int, _ columnStride: Int
) -> dnnl_memory_desc_t {
    var result = dnnl_memory_desc_t()
    let shape = [dnnl_dim_t(rows), dnnl_dim_t(columns)]
    let strides = [dnnl_dim_t(rowStride), dnnl_dim_t(columnStride)]
    check(dnnl_memory_desc_init_by_strides(&result, 2, shape, type, strides))
    return result
}

/// oneDNN fails only for shapes that make no sense, which the preconditions above rule out, or for
/// want of memory, which ends the worker.
private func check(_ status: dnnl_status_t) {
    precondition(status == dnnl_success, "oneDNN: status \(status.rawValue)")
}
