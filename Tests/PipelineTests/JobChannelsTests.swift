import Checkpoint
import Documents
import Posix
import Pruning
import Tensors
import Testing
import Transformer

import Pipeline

/// Jobs that take whole channels and heads: what is left is a smaller model of the same kind.
struct JobChannelsTests {
    private static let both = Workplace.calibration + Workplace.evaluation

    /// A family with its manifest's `prune`, and the widths that come out: channels, query heads,
    /// key heads.
    struct Case: Sendable, CustomTestStringConvertible {
        let family: String
        let prune: String
        let widths: [Int]
        var testDescription: String { "\(family) \(prune)" }
    }

    /// Of 160 channels, in steps of 4; of 4 heads in 2 groups (16 features each).
    private static let cases = [
        Case(family: "llama", prune: "sparsity: 0.2", widths: [116, 4, 2]),
        Case(family: "llama", prune: "sparsity: 0.4, heads: true", widths: [104, 2, 1]),
        Case(family: "llama-biased", prune: "sparsity: 0.4, heads: true", widths: [104, 2, 1]),
        Case(
            family: "llama-biased", prune: "sparsity: 0.4, heads: true, bias: none",
            widths: [104, 2, 1]),
        Case(family: "llama-tied-rope-scaled", prune: "sparsity: 0.3", widths: [72, 4, 2]),
        Case(family: "mistral-window", prune: "sparsity: 0.3, heads: true", widths: [124, 2, 1]),
        Case(family: "qwen2", prune: "sparsity: 0.3", widths: [92, 4, 2]),
        // Relabelled, and so with a key for the heads' size.
        Case(family: "qwen2", prune: "sparsity: 0.4, heads: true", widths: [104, 2, 1]),
        Case(
            family: "qwen2", prune: "sparsity: 0.3, bias: native, heads: true", widths: [92, 4, 2]),
        Case(family: "qwen3", prune: "sparsity: 0.4, heads: true", widths: [104, 2, 1]),
        Case(family: "opt", prune: "sparsity: 0.3, heads: true", widths: [72, 4, 4]),
        Case(family: "gemma2", prune: "sparsity: 0.4, heads: true", widths: [104, 2, 1]),
        Case(family: "gemma2", prune: "sparsity: 0.3, method: wanda", widths: [92, 4, 2]),
        Case(family: "gpt-neox", prune: "sparsity: 0.3, heads: true", widths: [72, 4, 4]),
        Case(family: "phi3", prune: "sparsity: 0.4, heads: true", widths: [104, 2, 1]),
        Case(family: "phi3", prune: "sparsity: 0.3, method: stade-w", widths: [92, 4, 2]),
        Case(family: "opt-post-norm", prune: "sparsity: 0.3", widths: [72, 4, 4]),
        Case(
            family: "llama", prune: "sparsity: 0.1, heads: true, ignore: [mlp]",
            widths: [160, 2, 1]),
        Case(family: "llama", prune: "sparsity: 0.3, method: wanda", widths: [92, 4, 2]),
        Case(
            family: "llama", prune: "sparsity: 0.3, method: stade, compensation: affine",
            widths: [92, 4, 2]),
        Case(
            family: "opt", prune: "sparsity: 0.3, method: magnitude, compensation: scale",
            widths: [72, 4, 4]),
        Case(
            family: "llama", prune: "sparsity: 0.4, heads: true, sequential: false",
            widths: [104, 2, 1]),
    ]

    private func widths(_ model: Model) -> [Int] {
        let configuration = model.configuration
        return [
            configuration.intermediateSize, configuration.numAttentionHeads,
            configuration.numKeyValueHeads,
        ]
    }

    @Test(arguments: cases) func output_isASmallerModel(_ example: Case) throws {
        let place = try Workplace(example.family)
        try place.run("prune: {pattern: channels, \(example.prune)}\n" + Self.both)
        let before = try Model(place.checkpoint("model"))
        // Opens only if all shapes are those of config.json.
        let after = try Model(place.checkpoint())
        #expect(widths(after) == example.widths)
        #expect(after.configuration.headDim == before.configuration.headDim)
        let report = try place.report()
        let keys = ["intermediate_size", "num_attention_heads", "num_key_value_heads"]
        for (model, name) in [(before, "dense"), (after, "pruned")] {
            let said = keys.map { report["channels"]?[name]?[$0]?.integer }
            #expect(said == widths(model))
        }
        let isRefused =
            example.prune.contains("heads: true") && example.widths[2] == widths(before)[2]
        #expect((report["channels"]?["heads_kept"]?.string != nil) == isRefused)
        try checkCost(report, before, after)
        try checkLayers(place, before, after)
        try checkAgain(place, report)
    }

    private func checkCost(_ report: Node, _ before: Model, _ after: Model) throws {
        let cost = try #require(report["cost"])
        let gone = before.weights - after.weights
        #expect(cost["weights"]?.integer == before.weights)
        // Of the weights that stay, some may have been zero or have become it.
        #expect(try #require(cost["zeros"]?.integer) >= gone)
        #expect(try #require(cost["zeros"]?.integer) < gone + gone / 20)
        #expect(cost["bytes_dense"]?.integer == before.checkpoint.bytes)
        #expect(cost["bytes_pruned"]?.integer == after.checkpoint.bytes)
        #expect(cost["bytes_nonzero"]?.integer == after.checkpoint.bytes)
        #expect(cost["parameters_pruned"]?.integer == after.parameters)
        #expect(after.checkpoint.bytes < before.checkpoint.bytes)
        for key in ["dense_tokens_per_second", "pruned_tokens_per_second"] {
            #expect(try #require(report["speed"]?[key]?.double) > 0)
        }
    }

    /// Rows that stay are those of the dense model, and what was not to change has not.
    private func checkLayers(_ place: Workplace, _ before: Model, _ after: Model) throws {
        let layers = try place.layers()
        for block in before.blocks {
            for key in before.layers(block: block) {
                let name = before.layerName(key, block: block)
                let (old, new) = (before.shape(key, block: block), after.shape(key, block: block))
                let left = [
                    layers[name]?["kept"]?["rows"]?.integer,
                    layers[name]?["kept"]?["columns"]?.integer,
                ]
                #expect(left == (old == new ? [nil, nil] : new.dimensions), "\(name)")
                if [.output, .down].contains(key.role) { continue }
                for suffix in ["weight", "bias"] {
                    guard let dense = before.checkpoint.tensor(named: "\(name).\(suffix)") else {
                        continue
                    }
                    let pruned = try #require(after.checkpoint.tensor(named: "\(name).\(suffix)"))
                    #expect(pruned.type == dense.type)
                    let width = suffix == "bias" ? 1 : old.columns
                    let rows = (0..<old.rows).map {
                        Array(floats(dense)[($0 * width)..<(($0 + 1) * width)])
                    }
                    var place = 0
                    for row in 0..<new.rows {
                        let wanted = Array(floats(pruned)[(row * width)..<((row + 1) * width)])
                        // In the same order.
                        place = try #require(rows[place...].firstIndex(of: wanted)) + 1
                    }
                }
            }
        }
    }

    /// Evaluates `out` by a job of its own that prunes nothing.
    private func checkAgain(_ place: Workplace, _ report: Node) throws {
        try place.run(
            "prune: {method: magnitude, sparsity: 0}\n" + Workplace.evaluation, model: "out",
            output: "again")
        let again = try place.report("again")["perplexity"]?["dense"]?.double
        let pruned = try #require(report["perplexity"]?["pruned"]?.double)
        #expect(abs(try #require(again) / pruned - 1) < 1e-6)
    }

    @Test(arguments: ["llama", "opt", "qwen2"])
    func nothingToTake_changesNothing(_ family: String) throws {
        let place = try Workplace(family)
        try place.run("prune: {pattern: channels, sparsity: 0, heads: true}\n" + Self.both)
        for name in ["model.safetensors", "config.json"] {
            #expect(try readFile(place["out/\(name)"]) == readFile(place["model/\(name)"]))
        }
        let report = try place.report()
        #expect(report["cost"]?["zeros"]?.integer == 0)
        let dense = report["perplexity"]?["dense"]?.double
        #expect(dense == report["perplexity"]?["pruned"]?.double)
    }

    /// Channels that are never active go first, and nothing is lost; and so do heads.
    @Test(arguments: ["llama", "qwen3", "opt", "gemma2", "gpt-neox", "phi3"])
    func deadChannels_costNothing(
        _ family: String
    ) throws {
        let place = try Workplace(family)
        let isPlain = family == "opt" || family == "gpt-neox"
        var tensors = try place.tensors()
        for index in tensors.indices {
            let name = tensors[index].name
            let isUp = ["fc1", "dense_h_to_4h", "up_proj"].contains { name.contains($0) }
            let isValue = name.contains("v_proj") && !isPlain
            guard isUp || isValue else { continue }
            var values = floats(try #require(place.checkpoint("model").tensor(named: name)))
            let rows = tensors[index].shape[0]
            let width = values.count / rows
            // The values' come last where query and key are in the same layer.
            let first = name.contains("qkv_proj") ? rows * 3 / 4 : 0
            let half = first..<((rows + first) / 2)
            for row in 0..<rows where isUp ? row % 2 == 1 : half.contains(row) {
                for column in 0..<width { values[row * width + column] = 0 }
            }
            tensors[index].bytes = bytes(values, .float32)
        }
        try place.store(tensors)
        let sparsity = isPlain ? 0.25 : 0.45
        try place.run(
            "prune: {pattern: channels, sparsity: \(sparsity), heads: \(!isPlain)}\n" + Self.both)
        let report = try place.report()
        let dense = try #require(report["perplexity"]?["dense"]?.double)
        let pruned = try #require(report["perplexity"]?["pruned"]?.double)
        #expect(abs(pruned / dense - 1) < 1e-3, "\(pruned), not \(dense)")
        #expect(try Model(place.checkpoint()).configuration.intermediateSize < 100)
    }

    /// As statistics have it, masks are of the dense shapes.
    @Test func statistics_haveTheDenseShapes() throws {
        let place = try Workplace()
        try place.run(
            "prune: {pattern: channels, sparsity: 0.4, heads: true}\nstatistics: true\n"
                + Self.both)
        let file = try SafetensorsFile(place["out/stade-statistics.safetensors"])
        let model = try Model(place.checkpoint("model"))
        for (name, layer) in try place.layers() {
            let mask = try #require(file.tensor(named: "\(name).pruned"))
            let rows = try #require(layer["rows"]?.integer)
            #expect(mask.shape == [rows, layer["columns"]?.integer])
            let gone = mask.bytes.reduce(0) { $0 + Int($1) }
            let left = try #require(layer["kept"])
            let size = try #require(left["rows"]?.integer) * #require(left["columns"]?.integer)
            #expect(mask.count - gone == size, "\(name)")
        }
        #expect(try place.layers().count == model.layers(block: 0).count * 3)
    }

    @Test func severalSparsities_haveShapesOfTheirOwn() throws {
        let place = try Workplace()
        let shared = "pattern: channels, sparsity: [0.2, 0.4], heads: true, sequential: false"
        try place.run("prune: {\(shared)}\n" + Self.both)
        let curve = try #require(place.report("out-0.2")["curve"]?.array)
        #expect(curve.count == 2)
        for (sparsity, point) in zip(["0.2", "0.4"], curve) {
            let alone = shared.replacing("[0.2, 0.4]", with: sparsity)
            try place.run("prune: {\(alone)}\n" + Self.both, output: "alone-\(sparsity)")
            for name in ["model.safetensors", "config.json"] {
                #expect(
                    try readFile(place["out-\(sparsity)/\(name)"])
                        == readFile(place["alone-\(sparsity)/\(name)"]))
            }
            let report = try place.report("alone-\(sparsity)")
            #expect(report["cost"]?["zeros"]?.integer == point["zeros"]?.integer)
        }
    }

    @Test func threads_doNotChangeABit() throws {
        let place = try Workplace()
        let manifest = "prune: {pattern: channels, sparsity: 0.4, heads: true}\n" + Self.both
        for threads in 1...3 {
            try place.run("limits: {threads: \(threads)}\n" + manifest, output: "out\(threads)")
        }
        for name in ["model.safetensors", "config.json"] {
            let first = try readFile(place["out1/\(name)"])
            #expect(try readFile(place["out2/\(name)"]) == first)
            #expect(try readFile(place["out3/\(name)"]) == first)
        }
    }

    @Test(arguments: [
        ("ignore: [gate_proj]", "leave out layer model.layers.0.mlp.gate_proj"),
        ("targets: ['layers.[12]']", "leave out layer model.layers.0.mlp"),
        ("targets: [self_attn]", "for attention set 'heads'"),
        ("heads: true, ignore: [k_proj]", "leave out layer model.layers.0.self_attn.k_proj"),
        ("heads: true, ignore: [proj]", "or attention"),
        ("sparsity: 0.95", "is more than the"),
        ("sparsity: 0.5, heads: true, ignore: [mlp]", "is more than the 0.14"),
    ])
    func plansThatMakeNoSense_areRefused(_ prune: String, _ words: String) throws {
        let place = try Workplace()
        let error = failure { try place.run("prune: {pattern: channels, \(prune)}\n" + Self.both) }
        #expect(error?.exitCode == .configuration)
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
        #expect(try place.entries() == ["model", "tokens.safetensors"])
    }
}
