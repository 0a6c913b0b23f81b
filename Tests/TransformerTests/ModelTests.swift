import Checkpoint
import Documents
import Synchronization
import Tensors
import Testing

import Transformer

/// Finding a model's tensors, and running it.
struct ModelTests {
    /// The negative log-likelihood of some tokens.
    private func likelihood(_ model: Model, length: Int = 20, threads: Int = 1) throws -> Double {
        let pool = WorkerPool(width: threads)
        let tokens = (0..<(3 * length)).map { Int32($0 * 37 % 512) }
        let states = Matrix(rows: tokens.count, columns: model.configuration.hiddenSize)
        let embedding = try model.embedding(input: .float32)
        for window in 0..<3 {
            let range = (window * length)..<((window + 1) * length)
            try embedding.embed(tokens[range], into: states.rows(range))
        }
        let forward = Forward(model, length: length, input: .float32, pool: pool)
        for index in 0..<model.configuration.numHiddenLayers {
            let block = try model.loadBlock(index, input: .float32)
            try forward.run(block, states, length: length, sequences: 3)
        }
        let next = tokens.indices.filter { ($0 + 1) % length != 0 }.map {
            NextToken(tokens[$0 + 1], after: $0, of: 0)
        }
        return try model.predict(next, from: [[states]], pool: pool)[0].reduce(0) { $0 + $1.loss }
    }

    @Test(arguments: Fixtures.families)
    func namesWithoutPrefix_areFound(_ family: String) throws {
        let full = try Fixtures.model(family)
        guard full.configuration.tieWordEmbeddings else { return }
        let bare = try Fixtures.model(
            family,
            tensors: {
                $0.map {
                    (
                        $0.name.replacing("model.", with: "", maxReplacements: 1), $0.type,
                        $0.shape, $0.bytes
                    )
                }
            })
        #expect(
            bare.layerName(LayerKey(.up), block: 1)
                == String(full.layerName(LayerKey(.up), block: 1).dropFirst("model.".count)))
        #expect(try likelihood(bare) == likelihood(full))
    }

    @Test func namesWithoutPrefix_withAHead() throws {
        let full = try Fixtures.model("llama")
        let bare = try Fixtures.model(
            "llama",
            tensors: {
                $0.map {
                    (
                        $0.name.hasPrefix("model.") ? String($0.name.dropFirst(6)) : $0.name,
                        $0.type, $0.shape, $0.bytes
                    )
                }
            })
        #expect(bare.layerName(LayerKey(.query), block: 0) == "layers.0.self_attn.q_proj")
        #expect(try likelihood(bare) == likelihood(full))
    }

    /// What transformers does where one table should be both: of two that are equal one counts, of
    /// two that differ each, and one alone is both.
    @Test(arguments: ["qwen2", "llama-tied-rope-scaled", "gemma2", "opt", "opt-post-norm"])
    func tiedHead_isTheEmbeddingUnlessBothDiffer(_ family: String) throws {
        let model = try Fixtures.model(family)
        #expect(model.checkpoint.tensor(named: "lm_head.weight") == nil && !model.storesTiedHead)
        let name = model.name("\(model.architecture.names.embedding).weight")
        let table = try #require(model.checkpoint.tensor(named: name))
        let bytes = Array(table.bytes)
        func with(_ head: [UInt8], isTied: Bool = true, keepsTable: Bool = true) throws -> Model {
            try Fixtures.model(family) {
                $0.setting("tie_word_embeddings", to: Node(isTied))
            } tensors: { tensors in
                tensors.filter { keepsTable || $0.name != name }
                    + [("lm_head.weight", .float32, table.shape, head)]
            }
        }
        let equal = try with(bytes)
        #expect(equal.storesTiedHead)
        #expect(try likelihood(equal) == likelihood(model))
        let alone = try with(bytes, keepsTable: false)
        #expect(!alone.storesTiedHead)
        #expect(try likelihood(alone) == likelihood(model))
        // Each other element is another one.
        let other = bytes.indices.map { bytes[$0 & 3 < 2 ? $0 : ($0 + 64) % bytes.count] }
        let different = try with(other)
        #expect(!different.storesTiedHead)
        #expect(try likelihood(different) != likelihood(model))
        #expect(try likelihood(different) == likelihood(with(other, isTied: false)))
        #expect(throws: CheckpointError.self) {
            try with(bytes, isTied: false, keepsTable: false)
        }
    }

    /// Rope in either form is the same model, to the bit.
    @Test func ropeForms_areTheSameModel() throws {
        let new = try Fixtures.model("llama-tied-rope-scaled")
        let old = try Fixtures.model(
            "llama-tied-rope-scaled",
            config: { config in
                let parameters = config["rope_parameters"] ?? .null
                return config.removing("rope_parameters")
                    .setting("rope_theta", to: parameters["rope_theta"] ?? .null)
                    .setting("rope_scaling", to: parameters.removing("rope_theta"))
            })
        #expect(try likelihood(old, length: 200) == likelihood(new, length: 200))
    }

    /// A window as long as the sequence is none; a shorter one is another model.
    @Test func window_onlyCountsWhereItIsShorter() throws {
        func model(_ window: Node) throws -> Model {
            try Fixtures.model("mistral-window") { $0.setting("sliding_window", to: window) }
        }
        let whole = try likelihood(model(.null), length: 40)
        // The last token predicts nothing: 39 positions are all that are seen.
        #expect(try likelihood(model(39), length: 40) == whole)
        #expect(try likelihood(model(38), length: 40) != whole)
        // Longer than a tile of queries, so that windows start in the middle.
        let long = try likelihood(model(100), length: 255)
        #expect(try long != likelihood(model(.null), length: 255))
    }

    /// What comes later is not seen: a prefix has the same states.
    @Test(arguments: Fixtures.families)
    func attention_isCausal(_ family: String) throws {
        let model = try Fixtures.model(family)
        let block = try model.loadBlock(0, input: .float32)
        func states(_ length: Int) throws -> [Float] {
            let matrix = Matrix(rows: length, columns: 64)
            let embedding = try model.embedding(input: .float32)
            try embedding.embed((0..<Int32(length))[...].map { $0 * 7 }[...], into: matrix.view)
            try Forward(model, length: length, input: .float32, pool: WorkerPool(width: 2))
                .run(block, matrix, length: length, sequences: 1)
            return (0..<(16 * 64)).map { matrix.start[$0] }
        }
        let short = try states(16)
        let long = try states(70)
        for (a, b) in zip(short, long) { #expect(abs(a - b) <= 1e-5 * max(1, abs(a))) }
    }

    @Test(arguments: Fixtures.families)
    func taps_seeEveryInput(_ family: String) throws {
        let model = try Fixtures.model(family)
        let block = try model.loadBlock(1, input: .float32)
        let hidden = Matrix(rows: 2 * 300, columns: 64)
        func fill() { for i in 0..<(600 * 64) { hidden.start[i] = Float(i % 13) - 6 } }
        let forward = Forward(model, length: 300, input: .float32, pool: WorkerPool(width: 2))
        fill()
        try forward.run(block, hidden, length: 300, sequences: 2)
        let output = hidden.elements
        fill()
        let input = hidden.elements
        let first = Matrix(rows: 300, columns: 64)
        let seen = Mutex<[Tap: [Tile]]>([:])
        try forward.run(
            block, hidden, length: 300, sequences: 2, destination: .first(first),
            observe: { tap, input, tile in
                seen.withLock { $0[tap, default: []].append(tile) }
                let layers = model.layers(block: 1).filter { $0.tap == tap }
                #expect(!layers.isEmpty && input.rows == tile.rows.count)
                #expect(
                    layers.allSatisfy { model.shape($0, block: 1).columns == input.columns })
            })
        // The first sequence's output is kept, and the input stays as it was.
        #expect(first.elements == Array(output[..<(300 * 64)]))
        #expect(hidden.elements == input)
        for tap in Set(model.layers(block: 1).map(\.tap)) {
            let tiles = seen.withLock { $0[tap] ?? [] }.sorted { $0.index < $1.index }
            #expect(tiles.map(\.rows) == [0..<256, 256..<300, 0..<256, 256..<300])
            #expect(tiles.map(\.sequence) == [0, 0, 1, 1] && tiles.map(\.index) == [0, 1, 2, 3])
        }
    }

    /// Products in bfloat16, either way of holding them, are near those in float32.
    @Test(
        arguments: Fixtures.families, ProductInput.supported.filter { $0 != .float32 })
    func bfloat16_isNear(_ family: String, _ input: ProductInput) throws {
        let model = try Fixtures.model(family)
        func output(_ input: ProductInput) throws -> [Float] {
            let hidden = Matrix(rows: 2 * 300, columns: 64)
            for i in 0..<(600 * 64) { hidden.start[i] = Float(i * 7 % 13) / 6 - 1 }
            try Forward(model, length: 300, input: input, pool: WorkerPool(width: 2)).run(
                model.loadBlock(1, input: input), hidden, length: 300, sequences: 2)
            return hidden.elements
        }
        let exact = try output(.float32)
        let found = try output(input)
        let error = zip(exact, found).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
        let power = exact.reduce(0.0) { $0 + Double($1 * $1) }
        #expect(error > 0 && error < 1e-4 * power, "\(error / power)")
    }

    @Test(arguments: Fixtures.families)
    func layers_haveTheShapesOfTheirTensors(_ family: String) throws {
        let model = try Fixtures.model(family)
        var weights = 0
        for block in model.blocks {
            for layer in model.layers(block: block) {
                let name = "\(model.layerName(layer, block: block)).weight"
                let tensor = try #require(model.checkpoint.tensor(named: name))
                #expect(tensor.shape == model.shape(layer, block: block).dimensions)
                weights += tensor.count
            }
        }
        #expect(model.blocks == 0..<3 && model.weights == weights)
        #expect(model.multiplyAdds == weights)
        #expect(model.blockShape(2, in: model.widths) == model.blockShape(2))
    }

    /// Query, key and value of GPT-NeoX are stored one head after the other, those of Phi-3 one
    /// projection after the other: the same rows in the other order are the same model, if that is
    /// said.
    @Test func partsOfALayer_haveTheirRows() throws {
        let (neoX, phi3) = (try Fixtures.model("gpt-neox"), try Fixtures.model("phi3"))
        func parts(_ model: Model, _ role: Role, in shape: BlockShape? = nil) -> [[Range<Int>]] {
            model.parts(LayerKey(role), block: 1, in: shape ?? model.blockShape(1))
        }
        let heads = (0..<4).map { 48 * $0 }
        #expect(
            parts(neoX, .queryKeyValue)
                == [0, 16, 32].map { start in heads.map { ($0 + start)..<($0 + start + 16) } })
        #expect(
            parts(phi3, .queryKeyValue) == [[0..<64], [64..<96], [96..<128]])
        #expect(parts(phi3, .gateUp) == [[0..<160], [160..<320]])
        let narrow = BlockShape(keyValueHeads: 1, intermediateSize: 100)
        #expect(parts(phi3, .queryKeyValue, in: narrow) == [[0..<32], [32..<48], [48..<64]])
        #expect(parts(phi3, .gateUp, in: narrow) == [[0..<100], [100..<200]])
        #expect(parts(phi3, .down, in: narrow).isEmpty && parts(neoX, .up, in: narrow).isEmpty)
    }

    /// Rows of the table times the square root of `hidden_size`, which is rounded to the type of
    /// the products, whatever that of the table.
    @Test(
        arguments: [
            (ProductInput.float32, Float(11).squareRoot()), (.roundedFloat32, 3.3125),
            (.bfloat16, 3.3125),
        ], [ElementType.float32, .bfloat16])
    func embedding_isScaledInItsType(
        _ rounding: (input: ProductInput, scale: Float), _ type: ElementType
    ) throws {
        let (input, scale) = rounding
        let table = Matrix(rows: 2, columns: 11)
        for i in 0..<22 { table.start[i] = Float(i % 5) - 1.5 }
        let bytes = table.elements.flatMap { value -> [UInt8] in
            let bits = value.bitPattern
            let all = (0..<4).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
            return type == .float32 ? all : Array(all[2...])
        }
        let sizes = [
            "input_layernorm": [11], "post_attention_layernorm": [11],
            "pre_feedforward_layernorm": [11], "post_feedforward_layernorm": [11],
            "self_attn.q_proj": [2, 11], "self_attn.k_proj": [2, 11], "self_attn.v_proj": [2, 11],
            "self_attn.o_proj": [11, 2], "mlp.gate_proj": [3, 11], "mlp.up_proj": [3, 11],
            "mlp.down_proj": [11, 3],
        ]
        let zeros = sizes.map { ("model.layers.0.\($0.key)", $0.value) } + [("model.norm", [11])]
        let model = try Fixtures.model("gemma2") { _ in
            .object([
                "model_type": "gemma2", "vocab_size": 2, "hidden_size": 11, "head_dim": 2,
                "num_attention_heads": 1, "num_key_value_heads": 1, "intermediate_size": 3,
                "num_hidden_layers": 1,
            ])
        } tensors: { _ in
            [("model.embed_tokens.weight", type, [2, 11], bytes)]
                + zeros.map { name, shape in
                    let count = shape.reduce(type.size, *)
                    return ("\(name).weight", type, shape, [UInt8](repeating: 0, count: count))
                }
        }
        let hidden = Matrix(rows: 2, columns: 11)
        try model.embedding(input: input).embed([1, 0], into: hidden.view)
        let rows = table.elements
        #expect(hidden.elements == (rows[11...] + rows[..<11]).map { $0 * scale })
    }

    /// Norms of what is added, caps and the feed-forward's place each make another model.
    @Test(
        arguments: [
            ("gemma2", "attn_logit_softcapping", Node.null, false),
            ("gemma2", "attn_logit_softcapping", 51, false),
            ("gemma2", "final_logit_softcapping", .null, false),
            ("gemma2", "query_pre_attn_scalar", 17, false),
            ("gemma2", "layer_types", .null, true), ("gemma2", "sliding_window", 8, false),
            ("gemma2", "hidden_activation", "gelu", false),
            ("gpt-neox", "use_parallel_residual", false, false),
            ("gpt-neox", "use_parallel_residual", .null, true),
            ("gpt-neox", "hidden_act", "gelu_python", true),
            ("phi3", "sliding_window", 8, false), ("phi3", "partial_rotary_factor", 0.5, true),
            ("phi3", "rope_parameters", .object(["partial_rotary_factor": 0.5]), false),
        ] as [(String, String, Node, Bool)])
    func settings_count(_ family: String, _ key: String, _ value: Node, _ isSame: Bool) throws {
        let other = try Fixtures.model(family) { $0.setting(key, to: value) }
        #expect(try (likelihood(other) == likelihood(Fixtures.model(family))) == isSame)
    }

    /// transformers 5 may write the head of GPT-NeoX by the name that it has in memory.
    @Test func heads_haveEitherName() throws {
        let model = try Fixtures.model("gpt-neox")
        let other = try Fixtures.model("gpt-neox") {
            $0
        } tensors: { tensors in
            tensors.map {
                ($0.name.replacing("embed_out", with: "lm_head"), $0.type, $0.shape, $0.bytes)
            }
        }
        #expect(model.ownHeadName == "embed_out.weight" && other.ownHeadName == "lm_head.weight")
        #expect(try likelihood(other) == likelihood(model))
        let error = #expect(throws: (any Error).self) {
            try Fixtures.model("gpt-neox") {
                $0
            } tensors: { tensors in
                tensors.filter { !$0.name.contains("embed_out") }
            }
        }
        #expect("\(error.debugDescription)".contains("embed_out.weight"))
    }

    @Test func headIsIndependentOfThreads() throws {
        let model = try Fixtures.model("opt-post-norm")
        let one = try likelihood(model, length: 200, threads: 1)
        #expect(try likelihood(model, length: 200, threads: 3) == one)
    }

    @Test func otherFamilies_areNamed() throws {
        for (value, text) in [
            (
                Node("mamba2"),
                "'mamba2' is not supported; supported are llama, mistral, qwen2, qwen3, gemma"
            ),
            (.null, "'model_type' is missing"), (7, "'model_type' is 7, expected a string"),
            ("Llama", "'Llama' is not supported"), ("a\nb", "a\\u{a}b"),
        ] {
            let error = #expect(throws: ModelError.self) {
                try Fixtures.model("llama") { $0.setting("model_type", to: value) }
            }
            #expect(error?.description.contains(text) == true, "\(error.debugDescription)")
        }
    }

    @Test func lengthsAndTokens_areChecked() throws {
        let model = try Fixtures.model("llama")
        try model.check(length: 256)
        #expect(throws: ModelError.self) { try model.check(length: 257) }
        try model.check(tokens: [0, 511], file: "x")
        for token in [Int32(512), -1, .max, .min] {
            let error = #expect(throws: ModelError.self) {
                try model.check(tokens: [1, token], file: "x")
            }
            #expect(error?.reason == .tokenOutOfRange(token: Int(token), vocabulary: 512))
        }
    }
}
