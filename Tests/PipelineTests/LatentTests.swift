import Checkpoint
import Documents
import Posix
import Tensors
import TestSupport
import Testing
import Transformer

import Pipeline

/// Checkpoints as DeepSeek publishes them: layers in FP8 with a scale for each block of weights,
/// and behind the last block one that predicts further tokens.
struct LatentTests {
    private static let side = 16
    private static let evaluation =
        "prune: {method: magnitude, sparsity: 0.5}\n"
        + MixtureTests.evaluation

    /// A layer as random codes of E4M3, its scales, and the weights that they stand for.
    private static func quantised(
        _ tensor: Workplace.Tensor, _ generator: inout Seeded
    ) -> [Workplace.Tensor] {
        let (rows, columns) = (tensor.shape[0], tensor.shape[1])
        let blocks = (columns + side - 1) / side
        var (codes, weights): ([UInt8], [Float]) = ([], [])
        // Powers of two, so that products are exact in bfloat16.
        let scales = (0..<((rows + side - 1) / side * blocks)).map { 1 / Float(2 << ($0 % 3)) }
        for row in 0..<rows {
            for column in 0..<columns {
                let (exponent, mantissa) = (generator.next() % 4 + 4, generator.next() % 8)
                let sign = generator.next() % 2
                codes.append(UInt8(sign << 7 | exponent << 3 | mantissa))
                let power = Float(1 << exponent) / 128
                weights.append(
                    (sign == 0 ? 1 : -1) * power * (1 + Float(mantissa) / 8)
                        * scales[row / side * blocks + column / side])
            }
        }
        let shape = [scales.count / blocks, blocks]
        return [
            (tensor.name, .float8E4M3, tensor.shape, codes),
            ("\(tensor.name)_scale_inv", .float32, shape, bytes(scales, .float32)),
            (tensor.name, .bfloat16, tensor.shape, bytes(weights, .bfloat16)),
        ]
    }

    @Test func float8_isReadAndBlocksBehindTheLastPassThrough() throws {
        let place = try MixtureTests.place("deepseek_v3")
        var generator = Seeded(17)
        var (stored, plain): ([Workplace.Tensor], [Workplace.Tensor]) = ([], [])
        func add(_ tensor: Workplace.Tensor) {
            guard tensor.name.contains("_proj"), tensor.shape.count == 2 else {
                stored.append(tensor)
                plain.append(tensor)
                return
            }
            let forms = Self.quantised(tensor, &generator)
            stored += forms.prefix(2)
            plain.append(forms[2])
        }
        let last = "model.layers.2."
        for tensor in try place.tensors() {
            add(tensor)
            if tensor.name.hasPrefix(last) {
                let inner = tensor.name.dropFirst(last.count)
                add(("model.layers.3.\(inner)", tensor.type, tensor.shape, tensor.bytes))
            }
        }
        try place.store(plain)
        try place.run(Self.evaluation, output: "plain")
        try place.store(stored)
        try place.configure {
            $0.setting(
                "quantization_config",
                to: .object([
                    "quant_method": "fp8", "weight_block_size": [Node(Self.side), Node(Self.side)],
                ]))
        }
        try place.run(Self.evaluation)
        #expect(
            try text(place.report()["perplexity"] ?? .object([:]))
                == text(place.report("plain")["perplexity"] ?? .object([:])))
        #expect(try place.json("out/config.json")["quantization_config"] == nil)
        let (found, expected) = (try place.checkpoint(), try place.checkpoint("plain"))
        #expect(Set(found.tensorNames) == Set(expected.tensorNames))
        var behind = 0
        for tensor in plain {
            let other = try #require(found.tensor(named: tensor.name))
            #expect(other.bytes == expected.tensor(named: tensor.name)?.bytes, "\(tensor.name)")
            if tensor.name.hasPrefix("model.layers.3.") {
                behind += 1
                #expect(other.type == tensor.type && other.bytes == tensor.bytes)
            }
        }
        #expect(behind > 20)
    }

    /// What transformers cannot compute, or would compute otherwise, is refused by its key.
    @Test(
        arguments: [
            ("num_key_value_heads", 2), ("head_dim", 4), ("v_head_dim", .null), ("topk_group", 5),
            ("n_group", 3), ("n_group", .null), ("n_shared_experts", .null),
            ("qk_rope_head_dim", 7),
            ("kv_lora_rank", 0),
        ] as [(String, Node)])
    func wrongSetting_isRefusedByItsKey(_ key: String, _ value: Node) throws {
        let place = try MixtureTests.place("deepseek_v3")
        try place.configure { $0.setting(key, to: value) }
        let error = failure { try place.run(Self.evaluation) }
        #expect(error?.description.contains(key) == true, "\(error.debugDescription)")
    }
}
