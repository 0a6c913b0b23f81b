import Checkpoint
import Documents
import Posix
import TestSupport
import Testing

/// Signs that a model is quantised, which is said before anything else is found wrong.
struct QuantisationTests {
    private func error(
        config: Node = .object([:]), tensors: [String] = [], file: String? = nil
    ) throws -> CheckpointError? {
        let scratch = try Scratch()
        try scratch.write("config.json", JSON.encode(config))
        let names = ["model.layers.0.mlp.up_proj.weight"] + tensors
        let header = names.enumerated().map { member($1, "F32", "[1]", 4 * $0, 4 * $0 + 4) }
        try scratch.write(
            "model.safetensors",
            safetensors(
                "{\(header.joined(separator: ","))}", [UInt8](repeating: 0, count: 4 * names.count))
        )
        if let file { try scratch.write(file, "{}") }
        do {
            _ = try Checkpoint(directory: scratch.path)
            return nil
        } catch let error as CheckpointError {
            #expect(error.exitCode == .data)
            #expect(error.description.contains("before it is quantised"))
            return error
        }
    }

    private static let settings: [(String, Node, String)] = [
        ("quantization_config", .object(["quant_method": "gptq", "bits": 4]), "gptq"),
        ("quantization_config", .object(["quant_method": "awq", "w_bit": 4]), "awq"),
        ("quantization_config", .object(["quant_method": "fbgemm_fp8"]), "fbgemm_fp8"),
        ("quantization_config", .object(["quant_method": "compressed-tensors"]), "compressed"),
        ("quantization_config", .object(["load_in_4bit": true]), "bitsandbytes"),
        ("quantization_config", .object(["load_in_8bit": true]), "bitsandbytes"),
        ("quantization_config", .object(["quant_method": "of\ntomorrow"]), "of\\u{a}tomorrow"),
        ("quantization_config", .object([:]), "does not name"),
        ("quantization_config", "odd", "does not name"),
        ("compression_config", .object(["format": "pack-quantized"]), "pack-quantized"),
        ("quantization", .object(["group_size": 64, "bits": 4]), "4 bits"),
    ]

    @Test(arguments: settings.indices)
    func setting_isNamed(_ index: Int) throws {
        let (key, value, words) = Self.settings[index]
        let error = try error(config: .object([:]).setting(key, to: value))
        #expect(error?.description.contains("'\(key)'") == true)
        #expect(error?.description.contains(words) == true, "\(error.debugDescription)")
        // Null says nothing.
        #expect(try self.error(config: .object([:]).setting(key, to: .null)) == nil)
    }

    @Test(arguments: [
        "qweight", "qzeros", "scales", "g_idx", "weight_scale", "weight_scale_inv", "input_scale",
        "weight_packed", "weight.absmax", "weight.quant_map", "weight.nested_absmax",
        "weight.quant_state.bitsandbytes__nf4", "SCB", "codes", "W_q", "weight._data",
        "weight_zero_point", "weight_global_scale",
    ])
    func tensorThatIsLeftOver_isNamed(_ end: String) throws {
        let name = "model.layers.0.mlp.up_proj.\(end)"
        let error = try #require(try error(tensors: [name]))
        #expect(error.tensor == name)
    }

    @Test(arguments: ["quantize_config.json", "quant_config.json", "hf_quant_config.json"])
    func fileBesideTheWeights_isNamed(_ name: String) throws {
        #expect(try error(file: name)?.file.hasSuffix("/\(name)") == true)
    }

    /// Tensors that only sound like it.
    @Test func othersPass() throws {
        let names = [
            "model.layers.0.self_attn.rotary_emb.inv_freq", "layer_scale", "model.scales.weight",
            "model.layers.0.attention.masked_bias", "absmax",
        ]
        #expect(try error(tensors: names) == nil)
        #expect(try error(file: "generation_config.json") == nil)
    }

    /// As Python reads them, with a warning that has the line.
    @Test func repeatedKeys_theLastCounts() throws {
        let scratch = try Scratch()
        try scratch.write("model.safetensors", safetensors("{}"))
        try scratch.write("config.json", "{\"a\": 1,\n\"b\": {\"c\": 1, \"c\": [2]},\n\"a\": 3}")
        let checkpoint = try Checkpoint(directory: scratch.path)
        #expect(checkpoint.config["a"]?.integer == 3)
        #expect(checkpoint.config["b"]?["c"]?.array?.count == 1)
        #expect(checkpoint.config.members?.map(\.key) == ["a", "b"])
        #expect(checkpoint.warnings.count == 2)
        #expect(checkpoint.warnings[0].contains("config.json:2: the key 'c'"))
        #expect(checkpoint.warnings[1].contains("config.json:3: the key 'a'"))
        try scratch.write("config.json", "{\"a\": 1}")
        #expect(try Checkpoint(directory: scratch.path).warnings.isEmpty)
    }
}
