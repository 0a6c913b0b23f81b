import Checkpoint
import Posix
import Tensors
import Transformer

extension Run {
    /// Each step of a job by itself, in the shapes of SmolLM2-135M where it is a step of a block,
    /// and of a 7B model's largest layer where it is one of pruning.
    func measureStages() throws {
        try measureFiles()
        let model = try SyntheticModel.small.make("\(scratch)/small")
        try measureKernels(model)
        for precision in [Precision.float32, .bfloat16] {
            try measureLayers(model, precision)
            try measureAttention(precision)
            try measureBlock(model, precision)
        }
        try measureStatistics()
        try measureSelection()
        try measureMasks()
        try measureCompensations()
    }

    /// Weights on their way from and to a checkpoint.
    private func measureFiles() throws {
        let (rows, columns) = (4096, 4096)
        let shape = "bfloat16 \(rows) x \(columns)"
        let bytes = Amount.bytes(rows * columns * 6)
        let path = "\(scratch)/weights.safetensors"
        let weights = randomMatrix(rows, columns, seed: 0)
        try SafetensorsFile.write(
            path,
            tensors: (0..<settings.threads).map {
                ("\($0)", .bfloat16, [rows, columns], encoded(weights))
            })
        let file = try SafetensorsFile(path)
        try measure(
            "load", shape, bytes, ceiling: .copy, state: { file.tensors[$0] },
            { _ = try $0.matrix(rows: 0..<rows) })
        try measure(
            "encode", shape, bytes, ceiling: .copy,
            state: { thread in
                EncodeState(randomMatrix(rows, columns, seed: thread))
            }, { $0.encode() })
        let output = "\(scratch)/written.safetensors"
        let values = encoded(weights)
        let layout = try SafetensorsLayout(
            [TensorInfo(name: "0", type: .bfloat16, shape: [rows, columns])], file: output)
        let timing = try Timing {
            try removeTree(output)
        } _: {
            let writer = try SafetensorsWriter(
                "written.safetensors", in: Directory(scratch), layout)
            try writer.write("0", values.span.bytes)
            try writer.finish()
        }
        record(
            "write and sync", shape, threads: 1, Double(values.count) / timing.best, .bandwidth,
            spread: timing.spread)
    }

    /// What a block does beside its linear layers, and the look-up of its first input.
    private func measureKernels(_ model: Model) throws {
        let length = 2048
        let width = model.configuration.hiddenSize
        let shape = "\(length) x \(width)"
        let elements = length * width
        let tokens = (0..<length).map { Int32($0 * 37 % model.configuration.vocabSize) }
        let embedding = try model.embedding(input: .float32)
        try measure(
            "embed", shape, .bytes(elements * 6), ceiling: .copy,
            state: { _ in Matrix(rows: length, columns: width) },
            { try embedding.embed(tokens[...], into: $0.view) })
        let input = randomMatrix(length, width, seed: 0)
        let weight = [Float](repeating: 1, count: width)
        try measure(
            "norm, root mean square", shape, .bytes(elements * 8), ceiling: .copy,
            state: { _ in Matrix(rows: length, columns: width) },
            { rmsNormalize(input.view, weight: weight, epsilon: 1e-5, into: $0.view) })
        try measure(
            "norm, mean and variance", shape, .bytes(elements * 8), ceiling: .copy,
            state: { _ in Matrix(rows: length, columns: width) },
            {
                layerNormalize(
                    input.view, weight: weight, bias: weight, epsilon: 1e-5, into: $0.view)
            })
        let rotary = RotaryTable(
            positions: length, inverseFrequencies: model.configuration.inverseFrequencies ?? [])
        let head = model.configuration.headDim
        try measure(
            "rotary", shape, .bytes(elements * 8), ceiling: .copy,
            state: { randomMatrix(length, width, seed: $0) },
            { rotary.apply($0.view, headDimension: head) })
        let inner = model.configuration.intermediateSize
        let values = randomMatrix(length, inner, seed: 0)
        try measure(
            "activation, gated silu", "\(length) x \(inner)", .bytes(length * inner * 12),
            ceiling: .copy,
            state: { _ in
                (
                    gate: Matrix(rows: length, columns: inner),
                    up: Matrix(rows: length, columns: inner)
                )
            },
            // Else what is left would vanish, and numbers close to 0 are slow.
            prepare: {
                $0.gate.copy(from: values)
                $0.up.copy(from: values)
            }, { Activation.silu.gate($0.up.view, by: $0.gate.view) })
    }
}

/// One thread's weights and room for their bytes.
private final class EncodeState {
    private let matrix: Matrix
    private let bytes: Buffer<UInt8>

    init(_ matrix: Matrix) {
        self.matrix = matrix
        bytes = Buffer(count: matrix.rows * matrix.columns * 2)
    }

    func encode() {
        Tensors.encode(matrix, 0..<(matrix.rows * matrix.columns), .bfloat16, into: bytes)
    }
}
