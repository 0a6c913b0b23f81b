import Tensors
import TestSupport
import Testing

@testable import Transformer

/// The backward pass of blocks against PyTorch's autograd (`Tests/Reference/gradients.py`).
struct TuningTests {
    @Test func fixtures_areThere() { #expect(Gradients.all.count >= 50) }

    @Test(arguments: Gradients.all)
    func gradients_areAutograds(_ expected: Gradients) throws {
        let scratch = try Scratch()
        let model = try expected.load(in: scratch)
        let found = try expected.find(model, threads: 2)
        #expect(abs(found.loss / expected.loss - 1) < 1e-5)
        #expect(found.gradients.keys.sorted() == expected.parameters.keys.sorted())
        // Some gradients are 0 but for rounding: by the keys' bias where nothing is rotated.
        let least = 1e-3 * (expected.parameters.values.map(\.max).max() ?? 0)
        #expect(least > 0)
        for (name, reference) in expected.parameters {
            let values = try #require(found.gradients[name]).map(Double.init)
            let limit = 1e-4 * max(reference.max, least)
            for (place, value) in zip(Gradients.places(values.count), reference.some) {
                #expect(
                    abs(values[place] - value) < limit, "\(name) \(place): \(value) of \(limit)")
            }
            for (seed, sum) in zip(UInt64(4)..., reference.sums) {
                let total = zip(values, Gradients.numbers(values.count, seed: seed))
                    .reduce(0) { $0 + $1.0 * $1.1 }
                let distance = limit * Double(values.count).squareRoot()
                #expect(abs(total - sum) < distance, "\(name): \(total), not \(sum)")
            }
        }
    }

    @Test(arguments: Gradients.all)
    func gradients_areTheSameBits_forAnyNumberOfThreads(_ expected: Gradients) throws {
        let scratch = try Scratch()
        let model = try expected.load(in: scratch)
        let one = try expected.find(model, threads: 1)
        for threads in [2, 3] {
            let other = try expected.find(model, threads: threads)
            #expect(other.loss == one.loss && other.gradients == one.gradients)
        }
    }

    /// What a small step along a direction changes is what the gradients say.
    @Test(arguments: ["llama", "gemma2", "opt-post-norm", "gpt-neox", "qwen3"])
    func gradients_areFiniteDifferences(_ family: String) throws {
        let model = try Fixtures.model(family)
        let streams = Gradients.streams(model)
        let keys = model.layers(block: 0)
        func tuner(_ direction: [LayerKey: [Float]], by step: Float) throws -> BlockTuner {
            let block = try model.loadBlock(0, input: .float32)
            for (key, change) in direction {
                let layer = try #require(block.layers[key])
                for (place, value) in change.enumerated() {
                    layer.weights.view[place / layer.columns, place % layer.columns] += step * value
                }
            }
            return try BlockTuner(
                block, tuned: Set(keys), model: model, length: Gradients.length,
                pool: WorkerPool(width: 2))
        }
        let here = try tuner([:], by: 0)
        _ = try here.gradients([0, 1], streams)
        for key in keys {
            let gradient = try #require(here.parameters.layers[key]).gradient.elements
            // Along the gradient, of length 1.
            let size = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let direction = [key: gradient.map { $0 / size }]
            let step: Float = 0.02
            let change =
                try tuner(direction, by: step).gradients([0, 1], streams)
                - tuner(direction, by: -step).gradients([0, 1], streams)
            let slope = change / Double(2 * step)
            #expect(abs(slope / Double(size) - 1) < 0.01, "\(key.role): \(slope), not \(size)")
        }
    }
}
