import Checkpoint
import Documents
import Posix
import Testing
import Transformer

import Pipeline

/// Which layers get a bias, what that does to config.json, and what the report says where none can.
struct JobBiasTests {
    private static let attention = ["q_proj", "k_proj", "v_proj", "o_proj"]
    private static let feedForward = ["gate_proj", "up_proj", "down_proj"]

    private func run(
        _ family: String, _ prune: String = "{}"
    ) throws -> (place: Workplace, biased: Set<String>) {
        let place = try Workplace(family)
        try place.run("prune: \(prune)\n" + Workplace.calibration)
        // Opens only if every tensor that config.json speaks of is there, and no bias more.
        let model = try Model(place.checkpoint())
        let biased = model.checkpoint.tensorNames.compactMap { name -> String? in
            name.hasSuffix("proj.bias") ? String(name.split(separator: ".").dropLast().last!) : nil
        }
        return (place, Set(biased))
    }

    private func configIsSame(_ place: Workplace) throws -> Bool {
        try readFile(place["out/config.json"]) == readFile(place["model/config.json"])
    }

    private func isZero(_ name: String, _ place: Workplace) throws -> Bool {
        let tensor = try #require(place.checkpoint().tensor(named: name))
        return zeros(tensor) == tensor.count
    }

    @Test func llama_setsBothFlags() throws {
        let (place, biased) = try run("llama")
        let config = try place.json("out/config.json")
        let before = try place.json("model/config.json")
        let expected = before.setting("attention_bias", to: true).setting("mlp_bias", to: true)
        #expect(text(config) == text(expected))
        #expect(biased == Set(Self.attention + Self.feedForward))
    }

    @Test func llama_coveredLayersGetZeros() throws {
        let (place, biased) = try run("llama", "{targets: [q_proj, 'layers.1.self_attn.o_proj']}")
        let config = try place.json("out/config.json")
        #expect(config["attention_bias"]?.bool == true && config["mlp_bias"]?.bool == false)
        #expect(biased == Set(Self.attention))
        for block in 0..<3 {
            let layer = "model.layers.\(block).self_attn"
            #expect(try !isZero("\(layer).q_proj.bias", place))
            #expect(try isZero("\(layer).k_proj.bias", place))
            #expect(try isZero("\(layer).v_proj.bias", place))
            #expect(try isZero("\(layer).o_proj.bias", place) == (block != 1))
        }
        #expect(try place.layers().count == 4)
    }

    @Test(arguments: ["opt", "opt-post-norm", "llama-biased"])
    func biasesThatAreThere_areChanged(_ family: String) throws {
        let (place, _) = try run(family)
        #expect(try configIsSame(place))
        let (before, after) = (try place.checkpoint("model"), try place.checkpoint())
        #expect(before.tensorNames == after.tensorNames)
        for (name, layer) in try place.layers() {
            let old = try #require(before.tensor(named: "\(name).bias"))
            let new = try #require(after.tensor(named: "\(name).bias"))
            #expect(!old.bytes.elementsEqual(new.bytes))
            #expect(layer["bias"]?["policy"]?.string == "native")
        }
    }

    @Test func qwen2_isRelabelled() throws {
        let (place, biased) = try run("qwen2")
        let config = try place.json("out/config.json")
        #expect(config["model_type"]?.string == "llama")
        #expect(config["architectures"]?.array?.map(\.string) == ["LlamaForCausalLM"])
        #expect(config["attention_bias"]?.bool == true && config["mlp_bias"]?.bool == true)
        for key in ["sliding_window", "use_sliding_window", "max_window_layers", "layer_types"] {
            #expect(config[key] == nil)
        }
        #expect(config["tie_word_embeddings"]?.bool == true)
        #expect(config["head_dim"]?.integer == 16)
        #expect(biased == Set(Self.attention + Self.feedForward))
        for layer in try place.layers().values {
            #expect(layer["bias"]?["policy"]?.string == "relabel")
            #expect(layer["method"]?.string == "stade-shrunk" && layer["reason"] == nil)
        }
    }

    /// Nothing that needs another label is pruned: the family stays.
    @Test func qwen2_staysWhereItsOwnBiasesDo() throws {
        let (place, biased) = try run("qwen2", "{targets: ['[qkv]_proj']}")
        #expect(try configIsSame(place))
        #expect(biased == ["q_proj", "k_proj", "v_proj"])
        #expect(try place.layers().values.allSatisfy { $0["method"]?.string == "stade-shrunk" })
    }

    @Test(arguments: [
        ("qwen2", "{bias: native}", ["q_proj", "k_proj", "v_proj"]),
        ("qwen2", "{bias: none}", []),
        ("qwen3", "{}", ["q_proj", "k_proj", "v_proj", "o_proj"]),
        ("gemma2", "{}", ["q_proj", "k_proj", "v_proj", "o_proj"]),
        ("mistral-window", "{}", []), ("phi3", "{}", []), ("gpt-neox", "{bias: none}", []),
        ("llama", "{bias: none}", []),
        ("opt", "{bias: none}", []),
    ])
    func layersWithoutBias_fallBackAndSayWhy(
        _ family: String, _ prune: String, _ carrying: [String]
    ) throws {
        let (place, _) = try run(family, prune)
        for (name, layer) in try place.layers() {
            let isCarried = carrying.contains { name.hasSuffix($0) }
            #expect(layer["method"]?.string == (isCarried ? "stade-shrunk" : "wanda"), "\(name)")
            #expect(
                layer["compensation"]?.string == (isCarried ? "affine-shrunk" : "scale-shrunk"))
            #expect(layer["bias"]?["policy"]?.string == (isCarried ? "native" : "none"))
            #expect(layer["bias"]?["added"]?.bool == isCarried)
            #expect((layer["reason"]?.string?.contains("no bias") ?? false) == !isCarried)
        }
        let isFlagged = family == "qwen3" || family == "gemma2"
        #expect(try configIsSame(place) == !isFlagged)
        if isFlagged {
            let config = try place.json("model/config.json")
            #expect(
                try text(place.json("out/config.json"))
                    == text(config.setting("attention_bias", to: true)))
        }
        if carrying.isEmpty {
            let (before, after) = (try place.checkpoint("model"), try place.checkpoint())
            #expect(before.tensorNames == after.tensorNames)
        }
    }

    @Test func mistralWithoutWindow_isRelabelled() throws {
        let place = try Workplace("mistral-window")
        try place.configure { $0.setting("sliding_window", to: .null) }
        try place.run(Workplace.calibration)
        let config = try place.json("out/config.json")
        #expect(config["model_type"]?.string == "llama" && config["sliding_window"] == nil)
        #expect(try place.layers().values.allSatisfy { $0["method"]?.string == "stade-shrunk" })
    }
}
