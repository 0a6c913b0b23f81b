import Checkpoint
import Documents
import Posix
import Testing
import Transformer

import Pipeline

/// Whole experts taken out of mixtures, against the reference (`Tests/Reference/experts.py`).
struct ExpertTests {
    /// Of which groups of two experts each must keep both.
    static let bound: Set = ["deepseek_v2", "deepseek_v3", "glm4_moe"]

    private static func prune(_ method: String, _ rest: String = "") -> String {
        "prune: {pattern: experts, method: \(method), sparsity: 0.25\(rest)}\n"
            + Workplace.calibration + MixtureTests.evaluation
    }

    private static func blocks(_ place: Workplace, _ output: String = "out") throws -> [Node] {
        try #require(place.report(output)["experts"]?["blocks"]?.array)
    }

    @Test(arguments: ["qwen3_moe", "mixtral", "olmoe", "gpt_oss"])
    func reap_agreesWithReference(_ family: String) throws {
        let path = "\(MixtureTests.root)/\(family)/experts.json"
        let expected = try JSON.parse(readFile(path), file: path)
        let place = try MixtureTests.place(family)
        try place.run(Self.prune("reap"))
        let found = try Self.blocks(place)
        let wanted = try #require(expected["blocks"]?.array)
        #expect(found.count == wanted.count && found.count >= 2)
        for (found, wanted) in zip(found, wanted) {
            #expect(found["index"]?.integer == wanted["block"]?.integer)
            #expect(found["tokens"].map(text) == wanted["tokens"].map(text))
            #expect(found["gone"].map(text) == wanted["gone"].map(text))
            let scores = try #require(found["scores"]?.array).compactMap(\.double)
            let others = try #require(wanted["reap"]?.array).compactMap(\.double)
            #expect(scores.count == others.count)
            for (score, other) in zip(scores, others) {
                #expect(abs(score - other) <= 1e-4 * abs(other), "\(score), not \(other)")
            }
        }
        let pruned = try #require(place.report()["perplexity"]?["pruned"]?.double)
        let perplexity = try #require(expected["perplexity"]?.double)
        #expect(abs(pruned / perplexity - 1) < 1e-4, "\(pruned), not \(perplexity)")
    }

    /// The output is a smaller model of the same family, whose tensors are laid out as they were.
    @Test(arguments: MixtureTests.families.filter { !bound.contains($0) })
    func output_isReadAgainAsMeasured(_ family: String) throws {
        let place = try MixtureTests.place(family)
        try place.run(Self.prune("best"))
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
        let (all, kept) = (
            try #require(before.widths.experts), try #require(after.widths.experts)
        )
        #expect(kept == all - Int((0.25 * Double(all)).rounded()))
        #expect(report["cost"]?["zeros"]?.integer == before.weights - after.weights)
        #expect(
            report["cost"]?["parameters_pruned"]?.integer
                == after.checkpoint.tensors.reduce(0) { $0 + $1.count })
        for tensor in after.checkpoint.tensors {
            let other = try #require(before.checkpoint.tensor(named: tensor.name))
            #expect(other.shape.count == tensor.shape.count && other.type == tensor.type)
        }
    }

    @Test(arguments: ["gpt_oss", "olmoe", "deepseek_v2_lite"], ["best", "wanda"])
    func sameBits_forAnyNumberOfThreads(_ family: String, _ method: String) throws {
        try MixtureTests.place(family).checkSameBits(Self.prune(method))
    }

    @Test(arguments: ["mixtral", "gpt_oss", "glm4_moe_lite"])
    func tuned_losesLessOfTheBlocks(_ family: String) throws {
        let place = try MixtureTests.place(family)
        try place.checkSameBits(Self.prune("reap", ", tune: {passes: 3}"))
        let tuned = try #require(place.report("one")["blocks"]?.array).compactMap {
            $0["tuning"]
        }
        #expect(!tuned.isEmpty)
        for block in tuned {
            let before = try #require(block["loss_before"]?.double)
            #expect(try #require(block["loss_after"]?.double) < before)
        }
        let pruned = try #require(place.report("one")["perplexity"]?["pruned"]?.double)
        try place.run(
            "prune: {method: magnitude, sparsity: 0}\n" + MixtureTests.evaluation, model: "one",
            output: "again")
        let again = try #require(place.report("again")["perplexity"]?["dense"]?.double)
        #expect(abs(again / pruned - 1) < 1e-6, "\(again), not \(pruned)")
    }

    /// Each group of experts loses as many.
    @Test(arguments: ["deepseek_v3", "glm4_moe", "deepseek_v2"], ["reap", "best", "random"])
    func groups_loseAlike(_ family: String, _ method: String) throws {
        let place = try MixtureTests.place(family)
        try place.configure { $0.setting("n_group", to: 2).setting("topk_group", to: 1) }
        try place.run(Self.prune(method))
        for block in try Self.blocks(place) {
            let gone = try #require(block["gone"]?.array).compactMap(\.integer)
            #expect(gone.count == 2 && gone[0] < 4 && gone[1] >= 4)
        }
        let pruned = try #require(place.report()["perplexity"]?["pruned"]?.double)
        try place.run(
            "prune: {method: magnitude, sparsity: 0}\n" + MixtureTests.evaluation, model: "out",
            output: "again")
        let again = try #require(place.report("again")["perplexity"]?["dense"]?.double)
        #expect(abs(again / pruned - 1) < 1e-6, "\(again), not \(pruned)")
    }

    /// By lot no calibration is needed, and its seed decides.
    @Test func random_needsNoCalibration() throws {
        let place = try MixtureTests.place("olmoe")
        try place.run("prune: {pattern: experts, method: random, sparsity: 0.5}\n")
        let gone = try Self.blocks(place).compactMap { $0["gone"].map(text) }
        #expect(Set(gone).count > 1, "each block by itself")
        #expect(try Model(place.checkpoint()).widths.experts == 4)
    }

    @Test(arguments: [
        ("mixtral", "sparsity: 0.9", "would leave 1 experts of the 6 of a block"),
        ("mixtral", "sparsity: 0.05", "is less than half an expert"),
        ("deepseek_v3", "sparsity: 0.5", "each of the 4 groups of 2"),
    ])
    func plansThatMakeNoSense_areRefused(
        _ family: String, _ rest: String, _ words: String
    ) throws {
        let place = try MixtureTests.place(family)
        let error = failure {
            try place.run("prune: {pattern: experts, \(rest)}\n" + Workplace.calibration)
        }
        #expect(error?.exitCode == .configuration)
        #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
    }

    @Test func modelsWithoutExperts_areRefusedByName() throws {
        let error = failure {
            try Workplace().run("prune: {pattern: experts}\n" + Workplace.calibration)
        }
        #expect(error?.description.contains("llama, has no experts") == true)
    }

    /// Few tokens for each expert are worth a warning.
    @Test func fewTokens_areWarnedOf() throws {
        let place = try MixtureTests.place("olmoe")
        try place.run(Self.prune("frequency"))
        let warnings = try (place.report()["warnings"]?.array ?? []).compactMap(\.string)
        let isFew = try Self.blocks(place).contains { block in
            (block["tokens"]?.array ?? []).compactMap(\.integer).count { $0 < 32 } > 1
        }
        #expect(warnings.contains { $0.contains("fewer than 32 tokens") } == isFew)
    }
}
