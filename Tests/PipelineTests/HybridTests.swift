import Checkpoint
import Documents
import Posix
import Tensors
import TestSupport
import Testing
import Transformer

import Pipeline

/// Models in which some blocks have something else in place of the attention.
struct HybridTests {
    static let names = ["lfm2", "lfm2-biased", "qwen3-5"]

    private static func place(_ name: String) throws -> Workplace {
        try #require(FamilyFixture.all.first { $0.name == name }).place()
    }

    /// The number of threads changes no bit.
    @Test(arguments: names)
    func sameBits_forAnyNumberOfThreads(_ name: String) throws {
        let place = try Self.place(name)
        for (threads, output) in [(1, "one"), (3, "three")] {
            try place.run(
                "prune: {method: stade, sparsity: 0.5, compensation: affine}\n"
                    + Workplace.calibration
                    + "evaluation: {tokens: tokens.safetensors, length: 40}\n"
                    + "limits: {threads: \(threads)}\n",
                output: output)
        }
        #expect(
            try readFile(place["one/model.safetensors"])
                == readFile(place["three/model.safetensors"]))
        #expect(
            try place.report("one")["perplexity"]?["pruned"]?.double
                == place.report("three")["perplexity"]?["pruned"]?.double)
    }

    /// What a block without attention makes of a token depends on the tokens before it alone: not
    /// on where the sequence is cut into tiles, nor on the sequences beside it. A state that
    /// forgets at once leaves no more of them than the convolution sees.
    @Test(arguments: ["lfm2", "qwen3-5"])
    func tiles_areJoined(_ name: String) throws {
        let place = try Self.place(name)
        let tensors = try place.tensors().map { tensor -> Workplace.Tensor in
            guard tensor.name.hasSuffix("A_log") else { return tensor }
            let fast = [Float](repeating: 30, count: tensor.shape[0])
            return (
                tensor.name, tensor.type, tensor.shape, fast.withUnsafeBytes { Array($0) }
            )
        }
        try place.store(tensors)
        let model = try Model(place.checkpoint("model"))
        #expect(model.configuration.mixers[0] != .attention)
        let block = try model.loadBlock(0, input: .float32)
        let (length, shift) = (2 * Tile.size + 90, 77)
        var seeded = Seeded(5)
        let width = model.configuration.hiddenSize
        let long = Matrix(rows: 3 * length, columns: width)
        for row in 0..<long.rows {
            for column in 0..<width { long.view[row, column] = seeded.float(in: -1...1) }
        }
        let short = Matrix(rows: length - shift, columns: width)
        short.view.copy(from: long.rows((length + shift)..<(2 * length)))
        let pool = WorkerPool(width: 2)
        func run(_ matrix: Matrix, length: Int, sequences: Int) throws {
            try Forward(model, length: length, input: .float32, pool: pool)
                .run(block, matrix, length: length, sequences: sequences)
        }
        try run(long, length: length, sequences: 3)
        try run(short, length: length - shift, sequences: 1)
        for row in 4..<short.rows {
            for column in 0..<width {
                let (a, b) = (short.view[row, column], long.view[length + shift + row, column])
                #expect(abs(a - b) <= 1e-5 * max(1, abs(b)), "\(row), \(column)")
            }
        }
    }

    /// A second group of sequences finds nothing of the first one.
    @Test(arguments: ["lfm2", "qwen3-5"])
    func sequences_areApart(_ name: String) throws {
        let model = try Model(Self.place(name).checkpoint("model"))
        let block = try model.loadBlock(0, input: .float32)
        var seeded = Seeded(6)
        let width = model.configuration.hiddenSize
        let (length, count) = (9, 40)
        let hidden = Matrix(rows: length * count, columns: width)
        for row in 0..<length {
            for column in 0..<width {
                let value = seeded.float(in: -1...1)
                for sequence in 0..<count { hidden.view[sequence * length + row, column] = value }
            }
        }
        try Forward(model, length: length, input: .float32, pool: WorkerPool(width: 2))
            .run(block, hidden, length: length, sequences: count)
        for sequence in 1..<count {
            for row in 0..<length {
                for column in 0..<width {
                    #expect(
                        hidden.view[sequence * length + row, column] == hidden.view[row, column])
                }
            }
        }
    }

    /// What only drafts for generation need goes along as it is.
    @Test func drafts_passThrough() throws {
        let place = try Self.place("qwen3-5")
        let name = "mtp.layers.0.mlp.up_proj.weight"
        let bytes = (0..<32).map { UInt8($0) }
        try place.store(try place.tensors() + [(name, .float32, [2, 4], bytes)])
        try place.run("prune: {method: wanda, sparsity: 0.5}\n" + Workplace.calibration)
        let found = try #require(place.tensors("out").first { $0.name == name })
        #expect(found.bytes == bytes)
    }

    /// Settings that no model can have are refused by their keys, and so is a list of blocks that
    /// does not fit.
    @Test(
        arguments: [
            (
                "qwen3-5", "layer_types",
                ["linear_attention", "sliding_attention", "full_attention"]
            ),
            ("qwen3-5", "layer_types", ["linear_attention"]),
            ("qwen3-5", "linear_num_value_heads", 3),
            ("qwen3-5", "linear_key_head_dim", 1_073_741_824),
            ("lfm2", "layer_types", ["conv", "linear_attention", "conv"]),
            ("lfm2", "conv_L_cache", 1_048_576), ("lfm2", "block_ffn_dim_multiplier", 1e300),
        ] as [(String, String, Node)])
    func wrongSetting_isRefused(_ name: String, _ key: String, _ value: Node) throws {
        let place = try Self.place(name)
        let path = place["model/config.json"]
        let config = try JSON.parse(readFile(path), file: path)
        let changed =
            config["text_config"].map {
                config.setting("text_config", to: $0.setting(key, to: value))
            } ?? config.setting(key, to: value)
        try writeFile(path, JSON.encode(changed))
        let error = #expect(throws: ModelError.self) { try Model(place.checkpoint("model")) }
        #expect(error?.description.contains(key) == true, "\(error.debugDescription)")
    }
}
