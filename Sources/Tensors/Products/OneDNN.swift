import COneDNN

/// What all uses of oneDNN share.
enum OneDNN {
    /// The processor; oneDNN lets any thread use it.
    nonisolated(unsafe) static let engine: dnnl_engine_t? = {
        var engine: dnnl_engine_t?
        check(dnnl_engine_create(&engine, dnnl_cpu, 0))
        return engine
    }()

    /// oneDNN fails only for shapes that make no sense, which preconditions rule out, or for want
    /// of memory, which ends the worker.
    static func check(_ status: dnnl_status_t) {
        precondition(status == dnnl_success, "oneDNN: status \(status.rawValue)")
    }

    /// A `[rows, columns]` matrix with these strides, in elements.
    static func describe(
        _ type: dnnl_data_type_t, _ rows: Int, _ columns: Int, _ rowStride: Int,
        _ columnStride: Int
    ) -> dnnl_memory_desc_t {
        var result = dnnl_memory_desc_t()
        // oneDNN reads as many dimensions as it is told, whatever the header says.
        let shape = [dnnl_dim_t(rows), dnnl_dim_t(columns)]
        let strides = [dnnl_dim_t(rowStride), dnnl_dim_t(columnStride)]
        check(dnnl_memory_desc_init_by_strides(&result, 2, shape, type, strides))
        return result
    }

    static func memory(
        _ shape: inout dnnl_memory_desc_t, _ start: UnsafeMutableRawPointer?
    ) -> dnnl_memory_t? {
        var result: dnnl_memory_t?
        check(dnnl_memory_create(&result, &shape, engine, start))
        return result
    }

    static func stream() -> dnnl_stream_t? {
        var stream: dnnl_stream_t?
        check(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags.rawValue))
        return stream
    }
}
