import Checkpoint
import Pruning
import Tensors
import TestSupport
import Testing
import Transformer

@testable import Pipeline

/// The calibration behind the dense blocks, beside the one behind the pruned ones.
struct DenseStreamTests {
    private struct Nobody: LaneWriter {
        func write(_ layer: LayerResult) {}
        func finish(_ block: BlockResult) {}
    }

    private static func settings() throws -> OracleTests.Settings {
        try OracleTests.Settings(Fixture(family: "llama", name: "wanda-0.5").expectedReport())
    }

    private static func check(_ model: Model, _ windows: TokenWindows) throws {
        let sweep = try OracleTests.sweep(
            model, settings(), calibration: windows, evaluation: windows, threads: 2,
            keepsDense: true)
        var states = try sweep.states(before: 0, dense: nil)
        #expect(sweep.named(states).contains { $0.name == "calibration.dense" })
        for block in sweep.model.blocks {
            // Given up behind the last block.
            let (dense, pruned) = (states.denseCalibration, states.calibration)
            try sweep.prune(block, &states, into: [Nobody()])
            let found = try #require(dense?.matrix)
            #expect(bits(found) == bits(states.dense[0].matrix), "block \(block)")
            #expect(try bits(found) != bits(#require(pruned?.matrix)), "block \(block)")
        }
        #expect(states.denseCalibration == nil)
    }

    private static func bits(_ matrix: Matrix) -> String {
        var checksum = Checksum()
        matrix.withBytes(ofRows: 0..<matrix.rows) { checksum.add($0) }
        return checksum.text
    }

    @Test(arguments: ["llama", "gpt-neox", "opt-post-norm"])
    func isWhatTheDenseModelMakes(_ family: String) throws {
        let fixture = Fixture(family: family, name: "wanda-0.5")
        try Self.check(fixture.model(), fixture.tokens().0)
    }

    @Test(arguments: ["qwen2_moe", "gemma4_moe", "lfm2_moe"])
    func isWhatTheDenseMixtureMakes(_ family: String) throws {
        let place = try MixtureTests.place(family)
        let file = try SafetensorsFile(place["tokens.safetensors"])
        let tokens = try #require(file.tensor(named: "calibration"))
        try Self.check(
            Model(Checkpoint(directory: place["model"])),
            TokenWindows(tokens: integers(tokens), length: tokens.shape[1]))
    }
}
