import Checkpoint
import Tensors
import TestSupport
import Testing
import Transformer

@testable import Pipeline

/// Tuning where blocks read the keys and values of earlier ones.
struct TunedKeysTests {
    /// Each block's error is what comes out when the written model runs on the calibration.
    @Test(arguments: ["true", "stages"])
    func areThoseOfTheTunedBlock(_ sequential: String) throws {
        let place = try FamilyFixture(name: "gemma4-text").place()
        try place.run(
            "prune: {method: wanda, sequential: \(sequential), tune: {passes: 2, rate: 0.02}}\n"
                + "compute: {precision: float32}\n" + Workplace.calibration)
        let file = try SafetensorsFile(place["tokens.safetensors"])
        let tokens = try #require(file.tensor(named: "calibration"))
        let windows = TokenWindows(tokens: integers(tokens), length: tokens.shape[1])
        let (dense, tuned) = try (
            passes(place, "model", windows), passes(place, "out", windows)
        )
        let (other, states) = try (dense.embedded(windows), tuned.embedded(windows))
        let rows = 0..<(Sweep.comparedSequences(windows) * windows.length)
        let blocks = try #require(place.report()["blocks"]?.array)
        #expect(blocks.count == 4)
        // One of the first two, whose keys and values the others read, is another than before.
        let isTuned = blocks.prefix(2).contains { $0["tuning"]?["passes"]?.integer ?? 0 > 0 }
        #expect(isTuned)
        for (index, block) in blocks.enumerated() {
            other.matrix.copy(from: states.matrix)
            try #require(other.kept).copy(from: #require(states.kept))
            try dense.advance(other, through: dense.load(index))
            try tuned.advance(states, through: tuned.load(index))
            let error = error(of: states.matrix.rows(rows), from: other.matrix.rows(rows))
            let found = try #require(block["mse"]?.double)
            #expect(abs(found / error - 1) < 1e-4, "block \(index): \(found), not \(error)")
        }
    }

    /// The mean of the squares.
    private func error(of x: MatrixView, from y: MatrixView) -> Double {
        var sum = 0.0
        for row in 0..<x.rows {
            for column in 0..<x.columns {
                let distance = Double(x[row, column]) - Double(y[row, column])
                sum += distance * distance
            }
        }
        return sum / Double(x.rows * x.columns)
    }

    private func passes(
        _ place: Workplace, _ name: String, _ windows: TokenWindows
    ) throws -> Passes {
        let model = try Model(place.checkpoint(name))
        return Passes(
            model, length: windows.length, precision: .float32, pool: WorkerPool(width: 2),
            watch: .nobody, scratchDirectory: nil)
    }
}
