import Documents
import Glibc
import Posix
import Tensors
import TestSupport
import Testing

/// A way to break a model, and what its user must be told.
struct BrokenModel: Sendable, CustomTestStringConvertible {
    let name: String
    let code: ExitCode
    /// All must be in the message.
    let words: [String]
    let damage: @Sendable (Workplace) throws -> Void

    init(
        _ name: String, _ code: ExitCode = .data, _ words: String...,
        damage: @escaping @Sendable (Workplace) throws -> Void
    ) {
        self.name = name
        self.code = code
        self.words = words
        self.damage = damage
    }

    var testDescription: String { name }

    private static let file = "model/model.safetensors"
    private static let down = "model.layers.1.mlp.down_proj.weight"

    static let all = files + headers + tensors + configurations

    private static let files = [
        BrokenModel("seven bytes", .data, "model.safetensors", "7 bytes") {
            try writeFile($0[file], [1, 2, 3, 4, 5, 6, 7])
        },
        BrokenModel("empty file", .data, "model.safetensors", "0 bytes") {
            try writeFile($0[file], [])
        },
        BrokenModel("cut short", .data, "ends 100 bytes before", "model.norm.weight") {
            try writeFile($0[file], readFile($0[file]).dropLast(100))
        },
        BrokenModel("a byte too many", .data, "1 bytes after") {
            try writeFile($0[file], readFile($0[file]) + [0])
        },
        BrokenModel("no weights", .noInput, "no weights") { try removeTree($0[file]) },
        BrokenModel("other weights", .noInput, "tf_model.h5", "from_tf") {
            try removeTree($0[file])
            try writeFile($0["model/tf_model.h5"], [0])
        },
        BrokenModel("weights are a directory", .io, "model.safetensors") {
            try removeTree($0[file])
            mkdir($0[file], 0o755)
        },
        BrokenModel("no directory", .noInput, "model") { try removeTree($0["model"]) },
        BrokenModel("index without shard", .data, "weight_map") {
            try index($0, #"{"weight_map": []}"#)
        },
        BrokenModel("absent shard", .noInput, "part.safetensors", "not there") {
            try index($0, #"{"weight_map": {"model.norm.weight": "part.safetensors"}}"#)
        },
        BrokenModel("shard elsewhere", .data, "../part.safetensors") {
            try index($0, #"{"weight_map": {"model.norm.weight": "../part.safetensors"}}"#)
        },
        BrokenModel("index disagrees", .data, "model.norm.weight", "lacks") {
            let tensors = try $0.tensors()
            try $0.store(tensors.filter { $0.name != "model.norm.weight" })
            try writeFile($0["model/part.safetensors"], readFile($0[file]))
            let map = Node(object: tensors.map { ($0.name, "part.safetensors") })
            let text = JSON.encode(.object(["weight_map": map]), indent: nil)
            try index($0, String(decoding: text, as: UTF8.self))
        },
    ]

    private static let headers = [
        BrokenModel("header of 100 MB", .data, "100000001") {
            try writeFile($0[file], [0x01, 0xe1, 0xf5, 0x05, 0, 0, 0, 0, 0x7b])
        },
        BrokenModel("header beyond the file", .data, "header", "in a file of") {
            try writeFile($0[file], [0, 0, 1, 0, 0, 0, 0, 0, 0x7b, 0x7d])
        },
        BrokenModel("not JSON", .data, "header") { try header($0) { _ in "{oops" } },
        BrokenModel("an array", .data, "JSON object") { try header($0) { _ in "[]" } },
        BrokenModel("named twice", .data, "up_proj") {
            try header($0) {
                $0.replacing("layers.1.mlp.gate_proj", with: "layers.1.mlp.up_proj")
            }
        },
        BrokenModel("overlap", .data, "overlap") {
            try header($0) { text in
                let first = text.firstRange(of: #""data_offsets":[0,131072]"#)!
                let second = text.firstRange(of: #""data_offsets":[131072,262144]"#)!
                return String(text[..<second.lowerBound] + text[first] + text[second.upperBound...])
            }
        },
        BrokenModel("shape too large", .data, "too large") {
            try header($0) {
                $0.replacing(#"[512,64]"#, with: "[4611686018427387904,64]", maxReplacements: 1)
            }
        },
        BrokenModel("shape and offsets disagree", .data, "131072", "131328") {
            try header($0) { $0.replacing("[512,64]", with: "[513,64]", maxReplacements: 1) }
        },
        BrokenModel("unknown dtype", .data, "F31") {
            try header($0) { $0.replacing(#""F32""#, with: #""F31""#, maxReplacements: 1) }
        },
        BrokenModel("not UTF-8", .data, "header") { place in
            var bytes = try readFile(place[file])
            bytes[10] = 0xff
            try writeFile(place[file], bytes)
        },
    ]

    private static let tensors = [
        BrokenModel("NaN", .data, down, "NaN or infinity at [3, 17]") {
            try poison($0, down, at: 3 * 160 + 17, [0, 0, 0xc0, 0x7f])
        },
        BrokenModel("infinity", .data, "model.embed_tokens.weight", "[511, 63]") {
            try poison($0, "model.embed_tokens.weight", at: 512 * 64 - 1, [0, 0, 0x80, 0xff])
        },
        BrokenModel("tensor missing", .data, down, "is missing") {
            try $0.store($0.tensors().filter { $0.name != down })
        },
        BrokenModel("norm missing", .data, "model.layers.2.post_attention_layernorm.weight") {
            try $0.store($0.tensors().filter { !$0.name.contains("2.post_attention") })
        },
        BrokenModel("head missing", .data, "lm_head.weight", "is missing") {
            try $0.store($0.tensors().filter { $0.name != "lm_head.weight" })
        },
        BrokenModel("transposed", .data, down, "[160, 64]", "[64, 160]") {
            try $0.store(
                $0.tensors().map {
                    ($0.name, $0.type, $0.name == down ? [160, 64] : $0.shape, $0.bytes)
                })
        },
        BrokenModel("integers", .data, down, "I32", "F32, F16 or BF16") {
            try $0.store(
                $0.tensors().map {
                    ($0.name, $0.name == down ? .int32 : $0.type, $0.shape, $0.bytes)
                })
        },
        BrokenModel("bias that is not configured", .data, "up_proj.bias", "no bias") {
            let bias = (
                "model.layers.0.mlp.up_proj.bias", ElementType.float32, [160],
                [UInt8](repeating: 0, count: 640)
            )
            try $0.store($0.tensors() + [bias])
        },
    ]

    private static let configurations = [
        BrokenModel("no config.json", .noInput, "config.json") {
            try removeTree($0["model/config.json"])
        },
        BrokenModel("config.json cut short", .data, "config.json:") {
            try writeFile($0["model/config.json"], readFile($0["model/config.json"]).dropLast(30))
        },
        BrokenModel("config.json is a list", .data, "config.json", "object") {
            try writeFile($0["model/config.json"], Array("[]".utf8))
        },
        set("model_type", .null, "'model_type' is missing"),
        set("model_type", 5, "'model_type'", "a string"),
        set("model_type", "mamba", "mamba", "llama, mistral"),
        set("hidden_size", .null, "'hidden_size' is missing"),
        set("hidden_size", "64", "hidden_size"), set("hidden_size", -64, "hidden_size"),
        set("hidden_size", 65, "hidden_size", "multiple"), set("vocab_size", 513, "[513, 64]"),
        set("vocab_size", 1e99, "vocab_size"), set("vocab_size", Node(Int.max), "vocab_size"),
        set("num_hidden_layers", 4, "model.layers.3."),
        set("num_hidden_layers", 2_000_000_000, "num_hidden_layers"),
        set("num_key_value_heads", 3, "num_key_value_heads"),
        set("num_attention_heads", 2_147_483_648, "hidden_size", "multiple"),
        set("head_dim", 2_147_483_646, "head_dim"), set("head_dim", 15, "head_dim"),
        set("intermediate_size", 2_147_483_648, "shape"),
        set("attention_bias", true, "q_proj.bias", "is missing"),
        set("hidden_act", "xielu", "hidden_act", "mish"),
        set("rope_parameters", .object(["rope_type": "yarn"]), "rope_parameters.factor", "missing"),
        set("rope_scaling", .object(["rope_type": "mrope"]), "rope_scaling.rope_type", "yarn"),
        set(
            "rope_parameters", .object(["full_attention": .object(["rope_theta": 7])]),
            "rope_parameters.full_attention", "for all layers"),
        set("is_causal", false, "'is_causal'", "both ways"),
        set("is_causal", .null, "'is_causal'"), set("is_causal", 0, "'is_causal'"),
        set("use_bidirectional_attention", true, "'use_bidirectional_attention'"),
        set(
            "quantization_config", .object(["quant_method": "awq", "bits": 4]),
            "'quantization_config'", "(awq)", "before it is quantised"),
    ]

    private static func set(_ key: String, _ value: Node, _ words: String...) -> BrokenModel {
        let text = String(decoding: JSON.encode(value, indent: nil), as: UTF8.self)
        return BrokenModel("\(key): \(text)", words: words) {
            try $0.configure { $0.setting(key, to: value) }
        }
    }

    private init(
        _ name: String, words: [String], damage: @escaping @Sendable (Workplace) throws -> Void
    ) {
        self.name = name
        code = .data
        self.words = words
        self.damage = damage
    }

    private static func index(_ place: Workplace, _ text: String) throws {
        try removeTree(place[file])
        try writeFile(place["model/model.safetensors.index.json"], Array(text.utf8))
    }

    /// Replaces the header's text; its length follows.
    private static func header(_ place: Workplace, _ change: (String) -> String) throws {
        let bytes = try readFile(place[file])
        let length = bytes.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
        let text = Array(change(String(decoding: bytes[8..<(8 + length)], as: UTF8.self)).utf8)
        try writeFile(place[file], safetensors(text, Array(bytes[(8 + length)...])))
    }

    private static func poison(
        _ place: Workplace, _ name: String, at index: Int, _ value: [UInt8]
    ) throws {
        try place.store(
            place.tensors().map { tensor in
                var bytes = tensor.bytes
                if tensor.name == name {
                    bytes.replaceSubrange((4 * index)..<(4 * index + 4), with: value)
                }
                return (tensor.name, tensor.type, tensor.shape, bytes)
            })
    }
}
