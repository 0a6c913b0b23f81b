import Documents
import Testing

import Transformer

/// Which roles of which family can have a bias, and what config.json then says.
struct BiasPlanTests {
    private static let all = Set(Architecture.llama.roles)
    private static let attention: Set<Role> = [.query, .key, .value, .output]

    private func plan(
        _ model: Model, wanted: Set<Role> = all, native: Bool = true, relabel: Bool = true
    ) -> BiasPlan {
        BiasPlan(model, wanted: wanted, allowsNative: native, allowsRelabel: relabel)
    }

    private func roles(_ plan: BiasPlan, _ model: Model, _ policy: BiasPlan.Policy) -> Set<Role> {
        Set(model.architecture.roles.filter { plan.policy(LayerKey($0)) == policy })
    }

    private static let plain: Set<Role> = [.query, .key, .value, .output, .up, .down]
    private static let carried: [String: Set<Role>] = [
        "llama": all, "llama-tied-rope-scaled": all, "llama-biased": all, "opt": plain,
        "opt-post-norm": plain, "qwen2": all, "qwen3": attention, "mistral-window": [],
        "gemma2": attention, "gpt-neox": [.queryKeyValue, .output, .up, .down], "phi3": [],
    ]

    @Test(arguments: Fixtures.families)
    func policies_followTheFamily(_ family: String) throws {
        let capable = try #require(Self.carried[family])
        let policy: BiasPlan.Policy = family == "qwen2" ? .relabel : .native
        let model = try Fixtures.model(family)
        let plan = plan(model, wanted: Set(model.architecture.roles))
        #expect(roles(plan, model, policy) == capable)
        #expect(roles(plan, model, .none) == Set(model.architecture.roles).subtracting(capable))
        // Nothing allowed, nothing carried.
        let none = self.plan(model, native: false, relabel: false)
        #expect(roles(none, model, .none) == Set(model.architecture.roles))
        #expect(none.edit(model.checkpoint.config, used: []) == model.checkpoint.config)
        #expect(none.rolesWithBias(used: []) == model.configuration.biases)
    }

    @Test func qwen2_isRelabelledOnlyWhereItHelps() throws {
        let model = try Fixtures.model("qwen2")
        let own = plan(model, wanted: [.query, .value])
        #expect(roles(own, model, .native) == [.query, .key, .value])
        #expect(own.edit(model.checkpoint.config, used: [.query]) == model.checkpoint.config)
        let native = plan(model, relabel: false)
        #expect(roles(native, model, .native) == [.query, .key, .value])
        #expect(roles(native, model, .none) == [.output, .gate, .up, .down])
    }

    @Test func relabelled_hasEveryDefaultSpeltOut() throws {
        let model = try Fixtures.model("qwen2") {
            $0.removing("max_position_embeddings")
                .setting("attention_bias", to: false).setting("mlp_bias", to: true)
        }
        let plan = plan(model)
        let config = model.checkpoint.config
        #expect(plan.edit(config, used: []) == config)
        // Only the attention's roles: the other flag is off, whatever the file said.
        let edited = plan.edit(config, used: [.output])
        #expect(edited["attention_bias"]?.bool == true && edited["mlp_bias"]?.bool == false)
        #expect(edited["model_type"] == "llama")
        #expect(edited["architectures"] == ["LlamaForCausalLM"])
        #expect(edited["max_position_embeddings"]?.integer == 32768)
        #expect(edited["head_dim"]?.integer == 16)
        #expect(edited["num_key_value_heads"]?.integer == 2)
        for key in ["use_sliding_window", "sliding_window", "max_window_layers", "layer_types"] {
            #expect(edited[key] == nil)
        }
        #expect(plan.rolesWithBias(used: [.output]) == Self.attention)
        #expect(plan.rolesWithBias(used: [.down]) == Self.all)
        // Read as a Llama it is the same model.
        let again = try configuration(edited, Architecture.llama)
        let before = model.configuration
        #expect(again.headDim == before.headDim && again.windows == before.windows)
        #expect(again.numKeyValueHeads == before.numKeyValueHeads)
        #expect(again.inverseFrequencies == before.inverseFrequencies)
        #expect(again.normEpsilon == before.normEpsilon && again.activation == before.activation)
        #expect(again.tieWordEmbeddings == before.tieWordEmbeddings)
        #expect(again.biases == Self.attention)
    }

    /// A Llama's heads divide `hidden_size`; with three heads of 16 in 64 there is no label.
    @Test func headsThatTheOtherFamilyCannotSay_forbidTheLabel() throws {
        let model = try Fixtures.model("mistral-window") {
            $0.setting("num_attention_heads", to: 3).setting("num_key_value_heads", to: 1)
                .setting("head_dim", to: 16).setting("sliding_window", to: .null)
        } tensors: { tensors in
            tensors.map { tensor in
                let shapes = [
                    "q_proj": [48, 64], "k_proj": [16, 64], "v_proj": [16, 64],
                    "o_proj": [64, 48],
                ]
                let shape = shapes.first { tensor.name.contains($0.key) }?.value
                guard let shape else { return tensor }
                let bytes = Array(tensor.bytes.prefix(4 * shape[0] * shape[1]))
                return (tensor.name, tensor.type, shape, bytes)
            }
        }
        #expect(model.configuration.windows == [nil, nil, nil])
        #expect(roles(plan(model), model, .relabel).isEmpty)
    }

    @Test func windows_forbidTheLabel() throws {
        let sliding = try Fixtures.model("qwen2") {
            $0.setting("use_sliding_window", to: true).setting("sliding_window", to: 24)
                .setting(
                    "layer_types", to: ["full_attention", "full_attention", "sliding_attention"])
        }
        #expect(sliding.configuration.windows == [nil, nil, 24])
        #expect(roles(plan(sliding), sliding, .relabel).isEmpty)
        #expect(roles(plan(sliding), sliding, .native) == [.query, .key, .value])
        for window in [Node.null, 256, 1000] {
            let mistral = try Fixtures.model("mistral-window") {
                $0.setting("sliding_window", to: window)
            }
            let plan = plan(mistral)
            #expect(roles(plan, mistral, .relabel) == Self.all)
            let edited = plan.edit(mistral.checkpoint.config, used: Self.all)
            #expect(edited["sliding_window"] == nil && edited["model_type"] == "llama")
        }
    }

    @Test func flags_coverAllOrNothing() throws {
        let model = try Fixtures.model("llama")
        let config = model.checkpoint.config
        let plan = plan(model)
        #expect(plan.rolesWithBias(used: [.key]) == Self.attention)
        #expect(plan.rolesWithBias(used: [.gate]) == [.gate, .up, .down])
        #expect(
            plan.edit(config, used: [.key]) == config.setting("attention_bias", to: true))
        #expect(plan.edit(config, used: [.up]) == config.setting("mlp_bias", to: true))
        #expect(
            plan.edit(config.removing("attention_bias", "mlp_bias"), used: [.up])["mlp_bias"]
                == true)
        let qwen3 = try Fixtures.model("qwen3")
        #expect(self.plan(qwen3).rolesWithBias(used: [.query]) == Self.attention)
    }

    /// The feed-forward of GPT-NeoX has biases always, the attention by a flag that is on by
    /// default.
    @Test func gptNeoX_withoutBiases_getsTheFlag() throws {
        let model = try Fixtures.model(
            "gpt-neox", config: { $0.setting("attention_bias", to: false) },
            tensors: {
                $0.filter { !($0.name.contains("attention.") && $0.name.hasSuffix("bias")) }
            })
        #expect(model.configuration.biases == [.up, .down])
        let plan = plan(model, wanted: Set(model.architecture.roles))
        #expect(roles(plan, model, .native) == Set(model.architecture.roles))
        let edited = plan.edit(model.checkpoint.config, used: [.output])
        #expect(edited["attention_bias"] == true)
        #expect(plan.rolesWithBias(used: [.output]) == [.queryKeyValue, .output, .up, .down])
        #expect(plan.edit(model.checkpoint.config, used: [.up]) == model.checkpoint.config)
    }

    @Test func opt_withoutBiases_getsTheFlag() throws {
        let model = try Fixtures.model(
            "opt", config: { $0.setting("enable_bias", to: false) },
            tensors: {
                $0.filter {
                    !($0.name.hasSuffix(".bias")
                        && ($0.name.contains("_proj") || $0.name.contains("fc")))
                }
            })
        #expect(model.configuration.biases.isEmpty)
        let plan = plan(model, wanted: [.up])
        let edited = plan.edit(model.checkpoint.config, used: [.up])
        #expect(edited["enable_bias"] == true)
        #expect(plan.rolesWithBias(used: [.up]) == [.query, .key, .value, .output, .up, .down])
    }
}
