import Checkpoint
import Documents
import Posix
import Testing
import Transformer

import Pipeline

/// Jobs that take whole blocks out: what is left is a shallower model of the same kind.
/// `Tests/Reference/blocks.py` has transformers read them.
struct JobBlocksTests {
    private static func prune(_ blocks: String) -> String {
        "prune: {pattern: blocks, \(blocks)}\n" + Workplace.calibration + MixtureTests.evaluation
    }

    /// Each block alone, and two of them: read again, the output is what was measured.
    private static func check(_ family: String, _ place: Workplace) throws {
        let count = try Model(place.checkpoint("model")).configuration.numHiddenLayers
        let sets = (0..<count).map { [$0] } + (count > 2 ? [[0, count - 1]] : [])
        for blocks in sets {
            let output = "out\(blocks.map(String.init).joined(separator: "-"))"
            do {
                try place.run(prune("blocks: \(blocks)"), output: output)
            } catch let error as PlanError {
                // What is refused is refused before anything is written.
                #expect(error.description.contains("pattern blocks: "), "\(family) \(error)")
                #expect(try !place.entries().contains(output))
                continue
            }
            let report = try place.report(output)
            #expect(report["cut"]?["removed"]?.array?.compactMap(\.integer) == blocks)
            let model = try Model(place.checkpoint(output))
            #expect(model.configuration.numHiddenLayers == count - blocks.count)
            let pruned = try #require(report["perplexity"]?["pruned"]?.double)
            try place.run(
                "prune: {method: magnitude, sparsity: 0}\n" + MixtureTests.evaluation,
                model: output, output: "again\(output)")
            let again = try #require(
                place.report("again\(output)")["perplexity"]?["dense"]?.double)
            #expect(abs(again / pruned - 1) < 1e-6, "\(family) \(blocks): \(again), not \(pruned)")
        }
    }

    @Test(arguments: FamilyFixture.all)
    func output_isReadAgainAsMeasured(_ fixture: FamilyFixture) throws {
        try Self.check(fixture.name, fixture.place())
    }

    @Test(arguments: MixtureTests.families)
    func output_ofMixtures_isReadAgainAsMeasured(_ family: String) throws {
        try Self.check(family, MixtureTests.place(family))
    }

    /// What a family's rule no longer says is spelled out in a list.
    @Test(arguments: [
        ("gemma3-text", "[0]"), ("smollm3", "[0]"), ("lfm2", "[0]"), ("qwen3-5", "[0]"),
        ("gpt-neo", "[0]"), ("olmo3", "[0]"), ("cohere2", "[0]"), ("exaone4", "[0]"),
    ])
    func rules_becomeLists(_ family: String, _ blocks: String) throws {
        let place = try FamilyFixture(name: family).place()
        try place.run(Self.prune("blocks: \(blocks)"))
    }

    /// Blocks with parts of a second embedding stay.
    @Test func secondEmbedding_isRefused() throws {
        let place = try FamilyFixture(name: "gemma4-text").place()
        let error = #expect(throws: PlanError.self) { try place.run(Self.prune("blocks: [0]")) }
        #expect(try #require(error).description.contains("second embedding"))
    }

    /// A model keeps a block that attends: of LFM2's here the second one alone does.
    @Test func lastAttention_stays() throws {
        let place = try FamilyFixture(name: "lfm2").place()
        let error = #expect(throws: PlanError.self) { try place.run(Self.prune("blocks: [1]")) }
        #expect(try #require(error).description.contains("no block that attends"))
        try place.run(Self.prune("sparsity: 0.3"))
        let cut = try #require(place.report()["cut"])
        #expect(cut["removed"]?.array?.compactMap(\.integer) != [1])
        #expect(cut["choice"]?["candidates"]?.array?.count == 2)
    }

    /// A map takes the place of blocks, and brings the stream nearer to the dense one.
    @Test(arguments: ["llama", "llama-biased", "qwen2", "opt", "gpt-neox", "phi3"])
    func map_bringsTheStreamNearer(_ family: String) throws {
        let place = try Workplace(family)
        let common = Workplace.calibration + Workplace.evaluation
        try place.run("prune: {pattern: blocks, blocks: [1]}\n" + common)
        let report = try place.report()
        let seam = try #require(report["cut"]?["seams"]?.array?.first)
        let before = try #require(seam["error_before"]?.double)
        let after = try #require(seam["error_after"]?.double)
        #expect(after < before && after > 0, "\(after), not below \(before)")
        try place.run(
            "prune: {pattern: blocks, blocks: [1], compensation: none}\n" + common, output: "none")
        #expect(try place.report("none")["cut"]?["seams"] == nil)
    }

    /// The run with the least score goes, and all candidates are in the report.
    @Test(arguments: ["best", "cosine"])
    func choice_isTheLeastScore(_ method: String) throws {
        let place = try Workplace("llama")
        try place.run(
            "prune: {pattern: blocks, method: \(method), sparsity: 0.3}\n" + Workplace.calibration)
        let cut = try #require(place.report()["cut"])
        let candidates = try #require(cut["choice"]?["candidates"]?.array)
        let scores = candidates.compactMap { $0["score"]?.double }
        // One of three blocks goes.
        #expect(scores.count == 3 && candidates.count == 3)
        let best = try #require(scores.indices.min { scores[$0] < scores[$1] })
        #expect(cut["removed"]?.array?.first?.integer == candidates[best]["first"]?.integer)
        #expect(cut["choice"]?["by"]?.string == (method == "best" ? "map" : "cosine"))
    }

    @Test(arguments: ["blocks: [1]", "sparsity: 0.3"])
    func bits_areTheSame(_ blocks: String) throws {
        try Workplace("llama").checkSameBits(
            "prune: {pattern: blocks, \(blocks)}\n" + Workplace.calibration + Workplace.evaluation)
    }

    @Test(arguments: [
        ("blocks: [99]", "no block 99"), ("blocks: [0, 1, 2]", "one block at least"),
    ])
    func impossibleBlocks_areRefused(_ blocks: String, _ text: String) throws {
        let place = try Workplace("llama")
        let error = #expect(throws: PlanError.self) { try place.run(Self.prune(blocks)) }
        #expect(try #require(error).description.contains(text))
    }
}
