import Checkpoint
import Tensors
import TestSupport
import Testing

@testable import Transformer

/// Tuning of a block as a whole.
struct BlockTunerTests {
    private static let windows = Array(0..<Gradients.windows)

    /// A model of a fixture whose weights are stored as `type`, with a masked block.
    private struct Case {
        let model: Model
        let block: Block
        let streams: TuningStreams
        let dense: Block

        init(_ family: String, _ type: ElementType = .float32) throws {
            model = try Fixtures.model(
                family,
                tensors: { tensors in
                    type == .bfloat16 ? tensors.map(BlockTunerTests.shortened) : tensors
                })
            dense = try model.loadBlock(0, input: .float32)
            block = try model.loadBlock(0, input: .float32)
            for layer in block.layers.values { Gradients.mask(layer) }
            let input = Gradients.streams(model).input
            streams = TuningStreams(
                input: input, target: try BlockTunerTests.run(dense, model, input))
        }

        func tuner(threads: Int = 2, tuned: Set<LayerKey>? = nil) throws -> BlockTuner {
            try BlockTuner(
                block, tuned: tuned ?? Set(block.layers.keys), model: model,
                length: Gradients.length, pool: WorkerPool(width: threads))
        }
    }

    private static func shortened(_ tensor: Fixtures.Tensor) -> Fixtures.Tensor {
        let halves = stride(from: 0, to: tensor.bytes.count, by: 4).flatMap {
            tensor.bytes[($0 + 2)..<($0 + 4)]
        }
        return (tensor.name, .bfloat16, tensor.shape, halves)
    }

    /// What a block makes of a stream, by the forward pass of jobs.
    private static func run(_ block: Block, _ model: Model, _ input: Matrix) throws -> Matrix {
        let output = Matrix(rows: input.rows, columns: input.columns)
        output.copy(from: input)
        try Forward(
            model, length: Gradients.length, input: .float32, pool: WorkerPool(width: 2)
        ).run(block, output, length: Gradients.length, sequences: Gradients.windows)
        return output
    }

    private static func loss(_ block: Block, _ test: Case) throws -> Double {
        let output = try run(block, test.model, test.streams.input)
        return relativeError(output.view, test.streams.target.view) / Double(output.rows)
    }

    /// What is tuned is the block that jobs run, and the loss is what its output says.
    @Test(arguments: Fixtures.families, [ElementType.float32, .bfloat16])
    func tuning_lowersTheLoss(_ family: String, _ type: ElementType) throws {
        let test = try Case(family, type)
        let zeros = test.block.layers.mapValues { $0.weights.elements.map { $0 == 0 } }
        let start = try Self.loss(test.block, test)
        let tuner = try test.tuner()
        #expect(abs(try tuner.loss(Self.windows, test.streams) / start - 1) < 1e-4)
        for _ in 0..<20 { _ = try tuner.step(Self.windows, test.streams, rate: 0.05) }
        let end = try tuner.loss(Self.windows, test.streams)
        #expect(end < 0.7 * start, "\(start), then \(end)")
        try tuner.keep()
        // Steps behind the best are forgotten.
        _ = try tuner.step(Self.windows, test.streams, rate: 0.5)
        let tuned = try tuner.finish()
        #expect(abs(try Self.loss(tuned, test) / end - 1) < 1e-4)
        for (key, layer) in tuned.layers {
            let weights = layer.weights.elements
            #expect(zip(weights, zeros[key] ?? []).allSatisfy { !$1 || $0 == 0 })
            guard type == .bfloat16 else { continue }
            #expect(weights.allSatisfy { $0.bitPattern & 0xffff == 0 })
        }
        for norm in tuner.norms {
            let tensor = try #require(test.model.checkpoint.tensor(named: norm.name))
            #expect(tensor.count == norm.values.count && tensor.type == type)
            if type == .bfloat16 {
                #expect(norm.values.allSatisfy { $0.bitPattern & 0xffff == 0 })
            }
            #expect(try tensor.floats() != norm.values)
        }
    }

    @Test func nothingKept_isTheBlockAsItCame() throws {
        let test = try Case("llama-biased")
        let before = test.block.layers.mapValues { ($0.weights.elements, $0.bias) }
        let tuner = try test.tuner()
        _ = try tuner.step(Self.windows, test.streams, rate: 0.05)
        let after = try tuner.finish()
        #expect(!tuner.isChanged)
        for (key, (weights, bias)) in before {
            #expect(after.layers[key]?.weights.elements == weights)
            #expect(after.layers[key]?.bias == bias)
        }
        for norm in tuner.norms {
            #expect(try test.model.checkpoint.tensor(named: norm.name)?.floats() == norm.values)
        }
    }

    @Test func layersThatAreNotTuned_stay() throws {
        let test = try Case("llama-biased")
        let kept = LayerKey(.up)
        let before = try #require(test.block.layers[kept])
        let (weights, bias) = (before.weights.elements, before.bias)
        let tuner = try test.tuner(tuned: Set(test.block.layers.keys).subtracting([kept]))
        let start = try tuner.loss(Self.windows, test.streams)
        for _ in 0..<10 { _ = try tuner.step(Self.windows, test.streams, rate: 0.05) }
        #expect(try tuner.loss(Self.windows, test.streams) < start)
        try tuner.keep()
        let after = try #require(tuner.finish().layers[kept])
        #expect(after.weights.elements == weights && after.bias == bias)
    }

    @Test(arguments: [2, 3])
    func steps_areTheSameBits_forAnyNumberOfThreads(_ threads: Int) throws {
        func run(_ threads: Int) throws -> [LayerKey: [Float]] {
            let test = try Case("gemma2")
            let tuner = try test.tuner(threads: threads)
            for window in [[1], [0, 1], [0]] {
                _ = try tuner.step(window, test.streams, rate: 0.05)
            }
            try tuner.keep()
            return try tuner.finish().layers.mapValues(\.weights.elements)
        }
        #expect(try run(1) == run(threads))
    }

    /// Gradients of windows that do not go through the block at once are added up.
    @Test func manyWindows_areTakenSomeAtATime() throws {
        let model = try Fixtures.model("llama")
        let (length, count) = (40, 120)
        #expect(count > 2 * TuningGroup.size(length: length))
        let few = Gradients.streams(model)
        func repeated(_ matrix: Matrix) -> Matrix {
            let result = Matrix(rows: count * length, columns: matrix.columns)
            for window in 0..<count {
                let source = window % Gradients.windows * length
                result.rows((window * length)..<((window + 1) * length))
                    .copy(from: matrix.rows(source..<(source + length)))
            }
            return result
        }
        func gradient(_ windows: Int, _ streams: TuningStreams) throws -> [Float] {
            let tuner = try BlockTuner(
                model.loadBlock(0, input: .float32), tuned: Set(model.layers(block: 0)),
                model: model, length: length, pool: WorkerPool(width: 2))
            _ = try tuner.gradients(Array(0..<windows), streams)
            return try #require(tuner.parameters.layers[LayerKey(.query)]).gradient.elements
        }
        let once = try gradient(Gradients.windows, few)
        let many = try gradient(
            count, TuningStreams(input: repeated(few.input), target: repeated(few.target)))
        let largest = once.map(\.magnitude).max() ?? 0
        #expect(largest > 0)
        #expect(zip(once, many).allSatisfy { abs($0 - $1) < 1e-4 * largest })
    }
}
