import Checkpoint
import Documents
import Foundation
import Posix
import TestSupport
import Testing

import Transformer

/// Every key of `config.json` that transformers looks at, as `Tests/Reference/config_keys.py` lists
/// them, is used, refused by its name, or known to say nothing of what a model computes.
struct ConfigKeyTests {
    enum Verdict {
        /// Another configuration is read with this value, or one that the key names is refused;
        /// beside `settings` where it means something only there.
        case used(Node, with: [(String, Node)] = [])
        case refused(Node)
        /// The checkpoint is refused, by the key.
        case refusedWithCheckpoint(Node)
        case irrelevant(String)
    }

    static let linear: Node = .object(["rope_type": "linear", "factor": 2])
    static let llama3: Node = .object([
        "rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
    ])

    private static func least(_ family: String) -> Node {
        let sizes: [(String, String, Node)] = [
            ("hidden_size", "n_embd", 64), ("num_hidden_layers", "n_layer", 2),
            ("num_attention_heads", "n_head", 4), ("max_position_embeddings", "n_positions", 128),
        ]
        let hasOwnNames = ["gpt2", "gptj", "gpt_bigcode"].contains(family)
        let own = [
            "gpt_neo": ["num_hidden_layers": "num_layers", "num_attention_heads": "num_heads"],
            "bloom": ["num_hidden_layers": "n_layer", "num_attention_heads": "n_head"],
        ]
        let names = own[family] ?? [:]
        let base: Node = .object([
            "model_type": Node(family), "vocab_size": 20, "intermediate_size": 16, "ffn_dim": 16,
            "num_key_value_heads": 2, "sliding_window": 9,
            "attention_types": [[["global", "local"], 1]],
            "window_size": 9, "rotary_dim": 4,
            "layer_types": family == "lfm2_moe" ? ["conv", "full_attention"] : .null,
        ])
        let found = sizes.reduce(base) {
            $0.setting(hasOwnNames ? $1.1 : names[$1.0] ?? $1.0, to: $1.2)
        }
        if latents[family] != nil { return leastOfLatents(found) }
        // Where a window is refused.
        return family == "olmoe" ? found.removing("sliding_window") : found
    }

    /// The family whose model has this one as its language model.
    private static let outer = [
        "qwen3_vl_text": "qwen3_vl", "qwen3_vl_moe_text": "qwen3_vl_moe",
    ]
    /// Families whose language model's settings stand inside.
    private static let nesting = [
        "gemma3", "gemma4", "mistral3", "qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe",
    ]

    /// What is read of a configuration, as text.
    private static func reading(_ config: Node, _ family: String) throws -> String {
        var (config, family) = (config, family)
        if let outside = outer[family] {
            config = .object(["model_type": Node(outside), "text_config": config])
            family = outside
        } else if nesting.contains(family), config["text_config"] == nil {
            config = config.setting(
                "text_config", to: least(family).removing("model_type"))
        }
        let architecture = try #require(Architecture.of(config, named: family))
        let found = try configuration(config, architecture)
        return Mirror(reflecting: found).children.map { child in
            let value = (child.value as? Set<Role>).map { "\($0.sorted())" } ?? "\(child.value)"
            return "\(child.label ?? "") \(value)"
        }.joined(separator: "\n") + "\(architecture.interleavesHeads)"
            + "\(architecture.mixture?.correction ?? [])"
    }

    private static func list() throws -> Node {
        let path = Fixtures.own("config-keys.json")
        return try JSON.parse(readFile(path), file: path)
    }

    private static let families: [String] = {
        let list = try? Self.list()["families"]?.members?.map(\.key)
        return list ?? []
    }()

    @Test func everyFamily_isListed() {
        let names = Set(Architecture.all.map(\.name))
        #expect(names.subtracting(Self.families) == [])
    }

    @Test(arguments: families)
    func everyKey_isUsedRefusedOrIrrelevant(_ family: String) throws {
        let list = try Self.list()
        let own = list["families"]?[family]?.array ?? []
        // At the top of what sees nothing else counts.
        let shared = Self.nesting.contains(family) ? [] : list["shared"]?.array ?? []
        let keys = (own + shared).compactMap(\.string)
        #expect(own.count >= 3 && keys.count >= own.count)
        for key in keys { try check(key, family) }
    }

    private func check(_ key: String, _ family: String) throws {
        let base = Self.least(family)
        guard
            let verdict = Self.exceptions[family]?[key] ?? Self.mixtures[family]?[key]
                ?? Self.latents[family]?[key] ?? Self.verdicts[key] ?? Self.mixtureVerdicts[key]
        else {
            Issue.record("nothing is known of \(key) of \(family)")
            return
        }
        switch verdict {
        case .used(let value, let settings):
            let start = settings.reduce(base) {
                $1.0 == key ? $0 : $0.setting($1.0, to: $1.1)
            }
            // Null: the other flag than the one that is the default.
            for value in value.isNull && !key.hasSuffix("softcapping") ? [true, false] : [value] {
                let changed = start.setting(key, to: value)
                guard let other = try? Self.reading(changed, family) else {
                    let error = #expect(throws: ModelError.self) {
                        try Self.reading(changed, family)
                    }
                    #expect(error?.description.contains(key) == true, "\(key) of \(family)")
                    return
                }
                if other != (try? Self.reading(start, family)) { return }
            }
            Issue.record("\(key) of \(family) changes nothing")
        case .refused(let value):
            let error = #expect(throws: ModelError.self, "\(key) of \(family)") {
                try Self.reading(base.setting(key, to: value), family)
            }
            #expect(error?.description.contains(key) == true, "\(error.debugDescription)")
        case .refusedWithCheckpoint(let value):
            let scratch = try Scratch()
            try scratch.write("config.json", JSON.encode(base.setting(key, to: value)))
            let error = #expect(throws: CheckpointError.self) {
                try Checkpoint(directory: scratch.path)
            }
            #expect(error?.description.contains("'\(key)'") == true)
        case .irrelevant(let reason):
            #expect(!reason.isEmpty)
            let start = try Self.reading(base, family)
            for value in [3, "other", true, .null] as [Node] {
                #expect(
                    try Self.reading(base.setting(key, to: value), family) == start,
                    "\(key) of \(family) changes something")
            }
        }
    }

    /// Each parameter of rope, in an object where it counts.
    @Test func everyRopeParameter_isUsed() throws {
        let yarn: Node = .object([
            "rope_type": "yarn", "factor": 4, "mscale": 1, "mscale_all_dim": 0.5,
            "beta_fast": 8, "beta_slow": 1, "original_max_position_embeddings": 2048,
        ])
        let cases: [String: (Node, Node)] = [
            "attention_factor": (yarn, 3), "beta_fast": (yarn, 20), "beta_slow": (yarn, 3),
            "factor": (yarn, 2), "mscale": (yarn, 2), "mscale_all_dim": (yarn, 2),
            "truncate": (yarn, false), "original_max_position_embeddings": (yarn, 32),
            "rope_theta": (yarn, 50), "rope_type": (yarn, "linear"),
            "type": (.object(["factor": 2]), "linear"), "high_freq_factor": (Self.llama3, 9),
            "low_freq_factor": (Self.llama3, 2), "partial_rotary_factor": (Self.linear, 0.5),
            "short_factor": (Self.longrope, Node([3] + [Node](repeating: 1, count: 7))),
            "long_factor": (
                Self.longrope.setting("original_max_position_embeddings", to: 16),
                Node([Node](repeating: 1, count: 8))
            ),
        ]
        let keys = try #require(Self.list()["rope"]?.array).compactMap(\.string)
        #expect(keys.count >= 15)
        for key in keys where key != "mrope_section" {
            let (object, value) = try #require(cases[key], "nothing is known of \(key)")
            func read(_ object: Node) throws -> String {
                try Self.reading(
                    Self.least("llama").setting("rope_scaling", to: object), "llama")
            }
            let start = try read(object)
            do {
                #expect(try read(object.setting(key, to: value)) != start, "\(key)")
            } catch {
                #expect("\(error)".contains(key), "\(error)")
            }
        }
        // Of models that see: positions in three dimensions.
        let mrope = Self.linear.setting("mrope_section", to: [1, 1, 2])
        #expect(
            try Self.reading(Self.least("llama").setting("rope_scaling", to: mrope), "llama")
                == Self.reading(
                    Self.least("llama").setting("rope_scaling", to: Self.linear), "llama"))
    }

    /// Settings of generation say nothing of what is pruned.
    @Test func settingsOfGeneration_areIgnored() throws {
        let keys = try #require(Self.list()["generation"]?.array).compactMap(\.string)
        #expect(keys.count > 20)
        let start = try Self.reading(Self.least("llama"), "llama")
        for key in keys {
            let changed = Self.least("llama").setting(key, to: 7)
            #expect(try Self.reading(changed, "llama") == start)
        }
    }
}
