import Checkpoint
import Documents
import Posix
import Testing
import Transformer

import Pipeline

/// Whole channels of mixtures of experts, against the reference
/// (`Tests/Reference/structured.py`).
struct MixtureChannelsTests {
    static let families = [
        "deepseek_v3", "gemma4_moe", "gpt_oss", "granitemoe", "mixtral", "qwen2_moe", "qwen3_moe",
    ]

    static func expected(_ family: String) throws -> Node {
        let path = "\(MixtureTests.root)/\(family)/structured.json"
        return try JSON.parse(readFile(path), file: path)
    }

    private static func prune(_ method: String) -> String {
        "prune: {pattern: channels, method: \(method), sparsity: 0.25}\n"
            + Workplace.calibration + MixtureTests.evaluation
    }

    @Test(arguments: families) func agreesWithReference(_ family: String) throws {
        let cases = try #require(Self.expected(family)["channels"]?.members)
        #expect(cases.count >= 2)
        for (method, reference) in cases.map({ ($0.key, $0.value) }) {
            let place = try MixtureTests.place(family)
            try place.run("statistics: true\n" + Self.prune(method))
            let pruned = try #require(place.report()["perplexity"]?["pruned"]?.double)
            let wanted = try #require(reference["perplexity"]?.double)
            #expect(abs(pruned / wanted - 1) < 1e-4, "\(method): \(pruned), not \(wanted)")
            try Self.check(place, try #require(reference["kept"]?.members), method)
        }
    }

    /// What stays of each layer's columns, and the widths of all layers.
    private static func check(
        _ place: Workplace, _ kept: [Node.Member], _ method: String
    ) throws {
        let file = try SafetensorsFile(place["out/stade-statistics.safetensors"])
        let layers = try place.layers()
        for (name, columns) in kept.map({ ($0.key, $0.value) }) {
            let wanted = try #require(columns.array).compactMap(\.integer)
            let layer = try #require(layers[name], "\(name)")
            if wanted.count == layer["columns"]?.integer { continue }
            #expect(layer["kept"]?["columns"]?.integer == wanted.count)
            let mask = try #require(file.tensor(named: "\(name).pruned"))
            let found = (0..<mask.shape[1]).filter { mask.bytes[$0] == 0 }
            #expect(found == wanted, "\(method) \(name)")
        }
    }

    /// The output is a smaller model of the same family, whose tensors are laid out as they were.
    @Test(arguments: MixtureTests.families)
    func output_isReadAgainAsMeasured(_ family: String) throws {
        let place = try MixtureTests.place(family)
        try place.run(
            "prune: {pattern: channels, sparsity: 0.35, heads: true}\n" + Workplace.calibration
                + MixtureTests.evaluation)
        let report = try place.report()
        let pruned = try #require(report["perplexity"]?["pruned"]?.double)
        try place.run(
            "prune: {method: magnitude, sparsity: 0}\n" + MixtureTests.evaluation, model: "out",
            output: "again")
        let again = try #require(place.report("again")["perplexity"]?["dense"]?.double)
        #expect(abs(again / pruned - 1) < 1e-6, "\(again), not \(pruned)")
        let (before, after) = (
            try Model(place.checkpoint("model")), try Model(place.checkpoint())
        )
        let gone = before.weights - after.weights
        #expect(abs(Double(gone) / Double(before.weights) - 0.35) < 0.1)
        #expect(try #require(report["cost"]?["zeros"]?.integer) >= gone)
        #expect(try #require(after.widths.expert) < #require(before.widths.expert))
        #expect(
            report["channels"]?["pruned"]?["expert_intermediate_size"]?.integer
                == after.widths.expert)
        for tensor in before.checkpoint.tensors {
            let other = try #require(after.checkpoint.tensor(named: tensor.name))
            #expect(other.shape.count == tensor.shape.count && other.type == tensor.type)
        }
        let hasHeads = after.widths.keyValueHeads < before.widths.keyValueHeads
        #expect((report["channels"]?["heads_kept"]?.string == nil) == hasHeads)
    }

    @Test(arguments: ["gpt_oss", "qwen3_moe", "granitemoe"])
    func threads_doNotChangeABit(_ family: String) throws {
        let place = try MixtureTests.place(family)
        for threads in [1, 3] {
            try place.run(
                Self.prune("auto") + "limits: {threads: \(threads)}\n", output: "out\(threads)")
        }
        #expect(
            try readFile(place["out1/model.safetensors"])
                == readFile(place["out3/model.safetensors"]))
    }

    /// One pass for all outputs gives what each by itself gives.
    @Test func severalSparsities_areAsEachAlone() throws {
        let place = try MixtureTests.place("deepseek_v3")
        let rest =
            "pattern: channels, sequential: false}\n" + Workplace.calibration
            + MixtureTests.evaluation
        try place.run("prune: {sparsity: [0.2, 0.4], method: [wanda, auto], \(rest)")
        for (method, sparsity) in [("wanda", "0.4"), ("auto", "0.2")] {
            try place.run(
                "overwrite: true\nprune: {sparsity: \(sparsity), method: \(method), \(rest)",
                output: "alone")
            for name in ["model.safetensors", "config.json"] {
                #expect(
                    try readFile(place["out-\(method)-\(sparsity)/\(name)"])
                        == readFile(place["alone/\(name)"]))
            }
        }
    }

    /// A shared expert with a width of its own stays, but where it is named; by itself it may go.
    @Test(arguments: [
        ("", 40, true), (", targets: ['.*', shared_expert]", 32, true),
        (", targets: [shared_expert]", 32, false),
    ])
    func sharedExpert_onlyWhereNamed(_ rest: String, _ width: Int, _ narrowsOthers: Bool) throws {
        let place = try MixtureTests.place("qwen2_moe")
        let sparsity = narrowsOthers ? "0.25" : "0.02"
        try place.run(
            "prune: {pattern: channels, method: wanda, sparsity: \(sparsity)\(rest)}\n"
                + Workplace.calibration)
        let widths = try Model(place.checkpoint()).widths
        #expect(try #require(widths.shared) <= width && (width < 40) == (widths.shared ?? 0 < 40))
        #expect((widths.expert == 24) == !narrowsOthers)
        #expect(
            try place.report()["channels"]?["pruned"]?["shared_expert_intermediate_size"]?.integer
                == widths.shared)
    }

    @Test(arguments: [
        ("deepseek_v3", "ignore: [shared_experts]", "do not ignore layer model.layers.1.mlp."),
        ("deepseek_v3", "targets: [shared_experts]", "let 'targets' name the other experts"),
        ("deepseek_v3", "ignore: ['experts.3.']", "leave out layer model.layers.1.mlp.experts.3."),
        ("mixtral", "targets: [self_attn]", "leave pattern channels nothing to take"),
        ("mixtral", "targets: ['gate$']", "leave pattern channels nothing to take"),
        ("mixtral", "sparsity: 0.9", "is more than the"),
    ])
    func plansThatMakeNoSense_areRefused(
        _ family: String, _ rest: String, _ words: String
    ) throws {
        let place = try MixtureTests.place(family)
        let error = failure {
            try place.run("prune: {pattern: channels, \(rest)}\n" + Workplace.calibration)
        }
        #expect(error?.exitCode == .configuration)
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }
}
