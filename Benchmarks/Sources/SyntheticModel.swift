import Checkpoint
import Documents
import Glibc
import Pipeline
import Posix
import Tensors
import Transformer

/// A Llama of random bfloat16 weights, of any size.
struct SyntheticModel {
    var hidden: Int
    var intermediate: Int
    /// For queries, and for keys and values; each of 64 features.
    var heads: Int
    var keyValueHeads: Int
    var blocks: Int
    var vocabulary: Int

    /// The shapes of SmolLM2-135M, with one block and fewer words.
    static let small = SyntheticModel(
        hidden: 576, intermediate: 1536, heads: 9, keyValueHeads: 3, blocks: 1, vocabulary: 8192)

    /// Llama's proportions.
    static func wide(_ hidden: Int) -> SyntheticModel {
        SyntheticModel(
            hidden: hidden, intermediate: hidden * 11 / 4, heads: hidden / 64,
            keyValueHeads: hidden / 64, blocks: 2, vocabulary: 2048)
    }

    /// Makes `directory` and writes the checkpoint there.
    func write(to directory: String) throws {
        if mkdir(directory, 0o755) != 0 { throw SystemError("mkdir", directory) }
        try writeFile("\(directory)/config.json", JSON.encode(configuration))
        try SafetensorsFile.write("\(directory)/model.safetensors", tensors: tensors)
    }

    /// Writes the checkpoint to `directory`, unless that is there already, and opens it.
    func make(_ directory: String) throws -> Model {
        if access(directory, F_OK) != 0 { try write(to: directory) }
        return try Model(Checkpoint(directory: directory))
    }

    /// Writes a token file with as many random sequences.
    func writeTokens(_ path: String, samples: Int, length: Int) throws {
        var generator = SplitMix64(seed: 0)
        let bytes = (0..<(samples * length)).flatMap { _ in
            withUnsafeBytes(of: Int32(generator.below(UInt64(vocabulary)))) { Array($0) }
        }
        try SafetensorsFile.write(
            path, tensors: [("calibration", .int32, [samples, length], bytes)])
    }

    private var queries: Int { heads * 64 }
    private var keys: Int { keyValueHeads * 64 }

    private var layers: [(name: String, rows: Int, columns: Int)] {
        [
            ("self_attn.q_proj", queries, hidden), ("self_attn.k_proj", keys, hidden),
            ("self_attn.v_proj", keys, hidden), ("self_attn.o_proj", hidden, queries),
            ("mlp.gate_proj", intermediate, hidden), ("mlp.up_proj", intermediate, hidden),
            ("mlp.down_proj", hidden, intermediate),
        ]
    }

    private var configuration: Node {
        .object([
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
            "hidden_size": Node(hidden), "intermediate_size": Node(intermediate),
            "num_attention_heads": Node(heads), "num_key_value_heads": Node(keyValueHeads),
            "head_dim": 64, "num_hidden_layers": Node(blocks), "vocab_size": Node(vocabulary),
            "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "tie_word_embeddings": true,
            "attention_bias": false, "mlp_bias": false, "dtype": "bfloat16",
        ])
    }

    private typealias Tensor = (name: String, type: ElementType, shape: [Int], bytes: [UInt8])

    private var tensors: [Tensor] {
        var result = [Self.random("model.embed_tokens.weight", vocabulary, hidden, scale: 1)]
        for block in (0..<blocks).map({ "model.layers.\($0)" }) {
            result.append(Self.ones("\(block).input_layernorm.weight", hidden))
            result.append(Self.ones("\(block).post_attention_layernorm.weight", hidden))
            for (name, rows, columns) in layers {
                // Inputs of unit variance give outputs of unit variance.
                result.append(
                    Self.random(
                        "\(block).\(name).weight", rows, columns,
                        scale: (3 / Float(columns)).squareRoot()))
            }
        }
        result.append(Self.ones("model.norm.weight", hidden))
        return result
    }

    private static func random(
        _ name: String, _ rows: Int, _ columns: Int, scale: Float
    ) -> Tensor {
        let matrix = randomMatrix(rows, columns, seed: name.utf8.count, scale: scale)
        return (name, .bfloat16, [rows, columns], encoded(matrix))
    }

    private static func ones(_ name: String, _ count: Int) -> Tensor {
        let ones = [UInt16](repeating: bfloat16Bits(1), count: count)
        return (name, .bfloat16, [count], ones.withUnsafeBytes { Array($0) })
    }
}

/// The bytes of a matrix as bfloat16.
func encoded(_ matrix: Matrix) -> [UInt8] {
    let count = matrix.rows * matrix.columns
    let bytes = Buffer<UInt8>(count: 2 * count)
    encode(matrix, 0..<count, .bfloat16, into: bytes)
    return bytes.withBytes(ofFirst: bytes.count) { $0.withUnsafeBytes { Array($0) } }
}
