import Checkpoint
import Documents
import Pruning
import Tensors
import Testing
import Transformer

import Pipeline

/// Every family against the reference: statistics, masks, biases and perplexities, and what comes
/// of it when the output is read again.
struct FamilyTests {
    private static let evaluation =
        "evaluation: {tokens: tokens.safetensors, length: 40}\ncompute: {precision: float32}\n"

    @Test func fixtures_areThere() { #expect(FamilyFixture.all.count >= 30) }

    @Test(arguments: FamilyFixture.all)
    func agreesWithReference(_ fixture: FamilyFixture) throws {
        let place = try fixture.place()
        try Self.compare(place, fixture.cases())
    }

    /// Each case against what the program finds of the model of `place` where it is let to change
    /// every layer's bias, as the published methods do.
    static func compare(
        _ place: Workplace, _ cases: [String: Node], byStages: Bool = false
    ) throws {
        let model = try Model(place.checkpoint("model"))
        let file = try SafetensorsFile(place["tokens.safetensors"])
        let calibration = try #require(file.tensor(named: "calibration"))
        let length = calibration.shape[1]
        let evaluation = try #require(file.tensor(named: "evaluation"))
        let windows = try #require(
            TokenWindows(cutting: integers(evaluation), length: length, limit: nil))
        for (name, report) in cases where !name.hasPrefix("native") {
            let found = try OracleTests.run(
                OracleTests.sweep(
                    model, OracleTests.Settings(report),
                    calibration: TokenWindows(tokens: integers(calibration), length: length),
                    evaluation: windows, threads: 2, byStages: byStages))
            try compare(found, report, file, case: name)
        }
    }

    private static func compare(
        _ found: OracleTests.Found, _ report: Node, _ file: SafetensorsFile, case name: String
    ) throws {
        var (differing, weights) = (0, 0)
        for tensor in file.tensors where tensor.name.hasPrefix("\(name)/") {
            let full = String(tensor.name.dropFirst(name.count + 1))
            let parts = full.split(separator: ".")
            let kind = parts[parts.count - 1]
            if kind == "pruned" {
                let layer = parts.dropLast().joined(separator: ".")
                let mask = try #require(found.masks[layer], "\(layer)")
                #expect(tensor.count == (mask.count + 7) / 8)
                weights += mask.count
                differing += mask.indices.count { index in
                    (tensor.bytes[index / 8] >> (index % 8)) & 1 != mask[index]
                }
            } else {
                let values = try #require(found.values[full], "\(full)")
                let tolerance = kind == "bias_change" || kind == "scale" ? 1e-4 : 1e-5
                #expect(
                    OracleTests.distance(values, floats(tensor)) < tolerance, "\(name) \(full)")
            }
        }
        #expect(weights > 0 && weights == report["weights"]?.integer)
        #expect(Double(differing) <= 1e-4 * Double(weights), "\(name): \(differing) of \(weights)")
        for (found, key, tolerance) in [
            (found.comparison?.perplexity?.dense, "perplexity_dense", 1e-5),
            // One entry of a mask may differ.
            (found.comparison?.perplexity?.pruned, "perplexity_pruned", 1e-3),
        ] {
            let value = try #require(found)
            let reference = try #require(report[key]?.double)
            #expect(
                abs(value / reference - 1) < tolerance, "\(name) \(key): \(value), not \(reference)"
            )
        }
        for (value, reference) in zip(found.errors, report["block_mse"]?.array ?? []) {
            #expect(abs(value / (reference.double ?? 0) - 1) < 1e-2)
        }
    }

    /// With biases only where the family's configuration can say them, the output is the model that
    /// the reference has, and is read again as what was measured.
    @Test(arguments: FamilyFixture.all)
    func output_isReadAgainAsMeasured(_ fixture: FamilyFixture) throws {
        let place = try fixture.place()
        let report = try #require(fixture.cases()["native-stade-0.5-affine"])
        try place.run(
            "prune: {method: stade, sparsity: 0.5, compensation: affine}\n"
                + Workplace.calibration + Self.evaluation)
        let pruned = try #require(place.report()["perplexity"]?["pruned"]?.double)
        let reference = try #require(report["perplexity_pruned"]?.double)
        #expect(abs(pruned / reference - 1) < 1e-3, "\(pruned), not \(reference)")
        try place.run(
            "prune: {method: magnitude, sparsity: 0.5}\n" + Self.evaluation, model: "out",
            output: "again")
        let again = try #require(place.report("again")["perplexity"]?["dense"]?.double)
        #expect(abs(again / pruned - 1) < 1e-6, "\(again), not \(pruned)")
    }

    /// Narrower blocks are read again as what was measured, where the family has channels to lose.
    @Test(arguments: FamilyFixture.all)
    func narrowedOutput_isReadAgainAsMeasured(_ fixture: FamilyFixture) throws {
        let place = try fixture.place()
        let model = try Model(place.checkpoint("model"))
        let prune = "prune: {method: wanda, sparsity: 0.4, pattern: channels}\n"
        guard model.widthKey(.feedForward) != nil else {
            let error = failure {
                try place.run(prune + Workplace.calibration + Self.evaluation)
            }
            let isRefused = error?.description.contains("0.0 that can go")
            #expect(isRefused == true, "\(error.debugDescription)")
            return
        }
        try place.run(prune + Workplace.calibration + Self.evaluation)
        let pruned = try #require(place.report()["perplexity"]?["pruned"]?.double)
        try place.run(
            "prune: {method: magnitude, sparsity: 0.5}\n" + Self.evaluation, model: "out",
            output: "again")
        let again = try #require(place.report("again")["perplexity"]?["dense"]?.double)
        #expect(abs(again / pruned - 1) < 1e-6, "\(again), not \(pruned)")
        let narrow = try Model(place.checkpoint("out"))
        #expect(narrow.weights < model.weights)
    }
}
