import Checkpoint
import Documents
import Testing

import Pipeline

/// Whole jobs against the reference: the statistics file has its names and its values.
struct JobReferenceTests {
    static let carrying = [
        "llama", "llama-tied-rope-scaled", "llama-biased", "opt", "opt-post-norm", "qwen2",
        "gpt-neox",
    ]
    static let settings = [
        "stade-0.5": "{method: stade, sparsity: 0.5}",
        "stade-0.5-affine": "{method: stade, sparsity: 0.5, compensation: affine}",
        "wanda-0.5-scale": "{method: wanda, sparsity: 0.5, compensation: scale}",
    ]
    static let fixtures =
        carrying.flatMap { family in
            settings.keys.sorted().map { Fixture(family: family, name: $0) }
        }
        + ["qwen3", "mistral-window", "gemma2", "phi3"].flatMap { family in
            ["native-stade-0.5", "native-stade-0.5-affine"].map {
                Fixture(family: family, name: $0)
            }
        }

    @Test(arguments: fixtures)
    func statistics_agree(_ fixture: Fixture) throws {
        let place = try Workplace(fixture.family)
        let name = fixture.name.hasPrefix("native-") ? fixture.name.dropFirst(7) : fixture.name[...]
        let prune = try #require(Self.settings[String(name)])
        try place.run(
            "statistics: true\ncompute: {precision: float32}\nprune: \(prune)\n"
                + Workplace.calibration + Workplace.evaluation)
        let found = try SafetensorsFile(place["out/stade-statistics.safetensors"])
        let expected = try fixture.expectedTensors()
        #expect(Set(found.tensors.map(\.name)) == Set(expected.tensors.map(\.name)))
        var differing = 0
        var weights = 0
        for tensor in expected.tensors {
            let other = try #require(found.tensor(named: tensor.name))
            #expect(other.info == tensor.info)
            if tensor.name.hasSuffix(".pruned") {
                differing += zip(other.bytes, tensor.bytes).count { $0 != $1 }
                weights += tensor.count
                continue
            }
            let isFitted = tensor.name.hasSuffix(".bias_change") || tensor.name.hasSuffix(".scale")
            let (a, b) = (floats(other), floats(tensor))
            let size = b.reduce(Float.leastNormalMagnitude) { max($0, abs($1)) }
            let distance = zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) } / size
            #expect(distance < (isFitted ? 1e-4 : 1e-5), "\(tensor.name)")
        }
        #expect(Double(differing) <= 1e-4 * Double(weights), "\(differing) of \(weights)")
        let reference = try fixture.expectedReport()
        let report = try place.report()
        for (key, other) in [("dense", "perplexity_dense"), ("pruned", "perplexity_pruned")] {
            let value = try #require(report["perplexity"]?[key]?.double)
            let exact = try #require(reference[other]?.double)
            #expect(abs(value / exact - 1) < 1e-3, "\(key): \(value), not \(exact)")
        }
        let errors = try #require(reference["block_mse"]?.array)
        let blocks = try #require(report["blocks"]?.array)
        #expect(errors.count == blocks.count)
        for (block, exact) in zip(blocks, errors) {
            let value = try #require(block["mse"]?.double)
            #expect(abs(value / (exact.double ?? 0) - 1) < 1e-2)
        }
    }
}
