import COneDNN

/// oneDNN's compiled product for one shape, with what it needs to be called again and again.
final class ProductKernel {
    private var primitive: dnnl_primitive_t?
    private let left: dnnl_memory_t?
    /// For a right factor that is not packed.
    private let right: dnnl_memory_t?
    private let bias: dnnl_memory_t?
    private let target: dnnl_memory_t?
    /// The kernel's working memory, of `workingBytes`. oneDNN's own belongs to the thread that made
    /// a kernel, and threads of Dispatch come and go.
    private let working: dnnl_memory_t?
    let workingBytes: Int
    private let arguments: UnsafeMutableBufferPointer<dnnl_exec_arg_t>

    init(_ shape: ProductShape, right rightShape: dnnl_memory_desc_t) {
        // oneDNN's kernels for this thread stay on it.
        omp_set_num_threads(1)
        let type = shape.isBfloat16 ? dnnl_bf16 : dnnl_f32
        var leftShape = OneDNN.describe(type, shape.rows, shape.inner, shape.leftStride, 1)
        var rightShape = rightShape
        var biasShape = OneDNN.describe(dnnl_f32, 1, shape.columns, shape.columns, 1)
        var targetShape = OneDNN.describe(
            dnnl_f32, shape.rows, shape.columns, shape.targetStride, 1)
        var description = dnnl_matmul_desc_t()
        if shape.hasBias {
            OneDNN.check(
                dnnl_matmul_desc_init(
                    &description, &leftShape, &rightShape, &biasShape, &targetShape))
        } else {
            OneDNN.check(
                dnnl_matmul_desc_init(&description, &leftShape, &rightShape, nil, &targetShape))
        }
        var attributes: dnnl_primitive_attr_t?
        OneDNN.check(dnnl_primitive_attr_create(&attributes))
        defer { dnnl_primitive_attr_destroy(attributes) }
        OneDNN.check(
            dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user))
        if shape.accumulates {
            var steps: dnnl_post_ops_t?
            OneDNN.check(dnnl_post_ops_create(&steps))
            defer { dnnl_post_ops_destroy(steps) }
            OneDNN.check(dnnl_post_ops_append_sum(steps, 1))
            OneDNN.check(dnnl_primitive_attr_set_post_ops(attributes, steps))
        }
        var kernel: dnnl_primitive_desc_t?
        OneDNN.check(
            dnnl_primitive_desc_create(&kernel, &description, attributes, OneDNN.engine, nil))
        defer { dnnl_primitive_desc_destroy(kernel) }
        OneDNN.check(dnnl_primitive_create(&primitive, kernel))
        left = OneDNN.memory(&leftShape, nil)
        right = shape.right == .packed ? nil : OneDNN.memory(&rightShape, nil)
        bias = shape.hasBias ? OneDNN.memory(&biasShape, nil) : nil
        target = OneDNN.memory(&targetShape, nil)
        let workingShape = dnnl_primitive_desc_query_md(kernel, dnnl_query_scratchpad_md, 0)
        workingBytes = workingShape.map { dnnl_memory_desc_get_size($0) } ?? 0
        var working: dnnl_memory_t?
        OneDNN.check(dnnl_memory_create(&working, workingShape, OneDNN.engine, nil))
        self.working = working
        arguments = .allocate(capacity: shape.hasBias ? 5 : 4)
        arguments[0] = dnnl_exec_arg_t(arg: DNNL_ARG_SRC, memory: left)
        arguments[1] = dnnl_exec_arg_t(arg: DNNL_ARG_WEIGHTS, memory: right)
        arguments[2] = dnnl_exec_arg_t(arg: DNNL_ARG_DST, memory: target)
        arguments[3] = dnnl_exec_arg_t(arg: DNNL_ARG_SCRATCHPAD, memory: working)
        if shape.hasBias {
            arguments[4] = dnnl_exec_arg_t(arg: DNNL_ARG_BIAS, memory: bias)
        }
    }

    deinit {
        arguments.deallocate()
        for memory in [left, right, bias, target, working] where memory != nil {
            dnnl_memory_destroy(memory)
        }
        dnnl_primitive_destroy(primitive)
    }

    /// With packed weights.
    func run(
        _ x: UnsafeMutableRawPointer, _ weights: dnnl_memory_t?, _ bias: UnsafePointer<Float>?,
        _ y: UnsafeMutablePointer<Float>, _ working: UnsafeMutableRawPointer?,
        _ stream: dnnl_stream_t?
    ) {
        arguments[1].memory = weights
        if let bias {
            let start = UnsafeMutableRawPointer(mutating: bias)
            OneDNN.check(dnnl_memory_set_data_handle(self.bias, start))
        }
        run(x, y, working, stream)
    }

    /// With a right factor as it lies in memory.
    func run(
        _ a: UnsafeMutableRawPointer, _ b: UnsafeMutableRawPointer,
        _ y: UnsafeMutablePointer<Float>, _ working: UnsafeMutableRawPointer?,
        _ stream: dnnl_stream_t?
    ) {
        OneDNN.check(dnnl_memory_set_data_handle(right, b))
        run(a, y, working, stream)
    }

    private func run(
        _ a: UnsafeMutableRawPointer, _ y: UnsafeMutablePointer<Float>,
        _ working: UnsafeMutableRawPointer?,
        _ stream: dnnl_stream_t?
    ) {
        OneDNN.check(dnnl_memory_set_data_handle(left, a))
        OneDNN.check(dnnl_memory_set_data_handle(target, y))
        if let working { OneDNN.check(dnnl_memory_set_data_handle(self.working, working)) }
        OneDNN.check(
            withoutSubnormals {
                dnnl_primitive_execute(
                    primitive, stream, CInt(arguments.count), arguments.baseAddress)
            })
        OneDNN.check(dnnl_stream_wait(stream))
    }
}
