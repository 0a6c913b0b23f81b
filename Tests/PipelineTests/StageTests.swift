import Checkpoint
import Documents
import Posix
import Pruning
import Tensors
import TestSupport
import Testing
import Transformer

@testable import Pipeline

/// Blocks that are pruned stage by stage: `Tests/Reference/stages.py` has what is expected.
struct StageTests {
    private static let root = "\(Fixture.root)/stages"

    private static func place(_ name: String) throws -> Workplace {
        let place =
            name == "llama" ? try Workplace() : try MixtureTests.place(name)
        try writeFile(
            place["tokens.safetensors"], inflated("\(root)/\(name).safetensors.gz"))
        return place
    }

    @Test(arguments: ["llama", "qwen3_moe"])
    func agreesWithReference(_ name: String) throws {
        let path = "\(Self.root)/\(name).json"
        let members = try #require(JSON.parse(readFile(path), file: path)["cases"]?.members)
        let cases = Dictionary(uniqueKeysWithValues: members.map { ($0.key, $0.value) })
        #expect(cases.count >= 4)
        try FamilyTests.compare(Self.place(name), cases, byStages: true)
    }

    /// Of every kind of block: plain and gated, side by side, with norms behind, with windows, of
    /// latents, recurrent, with shared keys, with experts beside and in place of the feed-forward.
    private static let dense = ["llama", "opt", "opt-post-norm", "gemma2", "gpt-neox", "phi3"]
    private static let families = ["gemma4", "lfm2", "qwen3-5", "cohere", "falcon", "olmo2"]
    private static let mixtures = [
        "deepseek_v3", "gemma4_moe", "gpt_oss", "lfm2_moe", "qwen2_moe", "qwen3_next",
    ]

    private static func place(ofAny name: String) throws -> Workplace {
        if dense.contains(name) { return try Workplace(name) }
        if mixtures.contains(name) { return try MixtureTests.place(name) }
        return try #require(FamilyFixture.all.first { $0.name == name }).place()
    }

    private static let evaluation =
        "evaluation: {tokens: tokens.safetensors, length: 40}\ncompute: {precision: float32}\n"

    /// Where no weight goes, the stages make what the whole block makes.
    @Test(arguments: dense + families + mixtures)
    func nothingPruned_changesNothing(_ name: String) throws {
        let place = try Self.place(ofAny: name)
        try place.run(
            "prune: {method: wanda, sparsity: 0, sequential: stages}\n" + Workplace.calibration
                + Self.evaluation)
        for error in try #require(place.report()["blocks"]?.array) {
            #expect(error["mse"]?.double ?? 1 < 1e-9)
        }
        #expect(try place.report()["prune"]?["stages"]?.bool == true)
        let perplexity = try #require(place.report()["perplexity"])
        #expect(perplexity["dense"]?.double == perplexity["pruned"]?.double)
    }

    /// The number of threads changes nothing, nor does a scratch file, nor how many experts are in
    /// memory: a job that may take as much as it needs and no more has all of its states there, and
    /// one expert at a time.
    @Test(arguments: ["llama", "cohere", "qwen3-5", "deepseek_v3", "gemma4_moe"])
    func sameBits_forAnyThreadsAndMemory(_ name: String) throws {
        let place = try Self.place(ofAny: name)
        let rest =
            "prune: {method: stade-obs, sequential: stages, target: dense}\n"
            + Workplace.calibration + Self.evaluation
        try place.checkSameBits(rest)
        #expect(try place.report("one")["prune"]?["target"]?.string == "dense")
    }

    /// Every method and pattern runs in it, and what is written is what was measured.
    @Test(
        arguments: [
            "method: magnitude, compensation: none", "method: sparsegpt, pattern: '4:8'",
            "method: best, sparsity: 0.6, target: dense",
            "method: auto, sparsity: 0.3, pattern: channels, heads: true, target: dense",
            "method: stade-w, scope: layer",
            "method: auto, sparsity: 0.3, pattern: channels, heads: true",
            "method: wanda, sparsity: [0.3, 0.6], pattern: channels",
            "method: [wanda, stade], allocation: error", "method: auto, targets: [down_proj]",
            "method: stade, targets: [layers.1]",
        ])
    func output_isReadAgainAsMeasured(_ prune: String) throws {
        let place = try Workplace()
        let paths = try place.run(
            "prune: {\(prune), sequential: stages}\nstatistics: true\n" + Workplace.calibration
                + Workplace.evaluation)
        for path in paths {
            let name = String(path.split(separator: "/").last ?? "")
            let report = try place.report(name)
            let pruned = try #require(report["perplexity"]?["pruned"]?.double)
            try place.run(
                "prune: {method: magnitude, sparsity: 0.5}\n" + Workplace.evaluation,
                model: name, output: "again-\(name)")
            let again = try #require(
                place.report("again-\(name)")["perplexity"]?["dense"]?.double)
            #expect(abs(again / pruned - 1) < 1e-6, "\(again), not \(pruned)")
            #expect(report["blocks"]?.array?.contains { $0["mse"]?.double ?? 0 > 0 } == true)
        }
    }
}
