import Checkpoint
import Documents
import Pruning
import Reports
import Synchronization
import Tensors
import Testing
import Transformer

import Pipeline

/// The sweep against the reference on every family and case, with a bias on every layer as the
/// reference has it, whatever the family can carry.
struct OracleTests {
    struct Settings {
        var method: Method
        var compensation: Compensation?
        var pattern: Pattern
        var sparsity: Double
        var target: Target

        /// As the reference's report has them.
        init(_ report: Node) throws {
            let name = try #require(report["method"]?.string)
            method = try #require(Method.named(name == "stade*" ? "stade-star" : name))
            compensation = Compensation(
                rawValue: try #require(report["compensation"]?.string))
            pattern = try #require(report["pattern"]?.string.flatMap(Pattern.init))
            sparsity = try #require(report["sparsity"]?.double)
            target = report["target"]?.string.flatMap { Target(rawValue: $0) } ?? .own
        }
    }

    static func sweep(_ fixture: Fixture, threads: Int) throws -> Sweep {
        let (calibration, evaluation) = try fixture.tokens()
        return try sweep(
            fixture.model(), Settings(fixture.expectedReport()), calibration: calibration,
            evaluation: evaluation, threads: threads)
    }

    static func sweep(
        _ model: Model, _ settings: Settings, calibration: TokenWindows, evaluation: TokenWindows,
        threads: Int, keepsDense: Bool = false, byStages: Bool = false
    ) throws -> Sweep {
        let layers = model.blocks.map { block in
            model.layers(block: block).map { key in
                let layer = Method.Layer(
                    inputIsNormalised: key.stage.isNormalised, carriesBias: true)
                return LayerPlan(
                    name: model.layerName(key, block: block), block: block, key: key,
                    choice: model.isReserved(key, block: block)
                        ? nil
                        : settings.method.choose(
                            for: layer, compensation: settings.compensation
                        ).towards(settings.target),
                    policy: .native)
            }
        }
        return Sweep(
            model: model,
            lanes: [
                Lane(layers: layers, sparsity: settings.sparsity, shapes: model.blockShapes)
            ],
            pattern: settings.pattern, scope: .row, seed: 0, sequential: true, byStages: byStages,
            calibration: calibration,
            evaluation: Evaluation(windows: evaluation), measuresDense: true,
            keepsDense: keepsDense || settings.target == .dense, precision: .float32,
            pool: WorkerPool(width: threads),
            watch: Watch.nobody, scratchDirectory: nil)
    }

    /// Everything a sweep found, bit by bit.
    struct Found: Sendable, Equatable {
        var values: [String: [Float]] = [:]
        var masks: [String: [UInt8]] = [:]
        var errors: [Double] = []
        var comparison: Comparison?
    }

    /// Keeps what a sweep finds.
    private final class Finder: LaneWriter {
        let found = Mutex(Found())

        func write(_ layer: LayerResult) {
            let name = layer.plan.name
            found.withLock { found in
                found.masks[name] = layer.outcome.mask
                found.values["\(name).mean"] = layer.statistics?.mean.map { Float($0) }
                found.values["\(name).var"] = layer.statistics?.variance.map { Float($0) }
                found.values["\(name).norm2"] = layer.statistics?.norm2.map { Float($0) }
                found.values["\(name).bias_change"] = layer.outcome.biasChange
                found.values["\(name).scale"] = layer.outcome.scales
            }
        }

        func finish(_ block: BlockResult) {
            found.withLock { $0.errors.append(block.meanSquaredError ?? .nan) }
        }
    }

    static func run(_ sweep: Sweep) throws -> Found {
        let finder = Finder()
        var states = try sweep.states(before: 0, dense: nil)
        for block in sweep.model.blocks { try sweep.prune(block, &states, into: [finder]) }
        let comparisons = try sweep.compare(states)
        return finder.found.withLock { found in
            found.comparison = comparisons[0]
            return found
        }
    }

    @Test(arguments: Fixture.all)
    func agreesWithReference(_ fixture: Fixture) throws {
        let found = try Self.run(Self.sweep(fixture, threads: 2))
        let expected = try fixture.expectedTensors()
        let report = try fixture.expectedReport()
        var differing = 0
        var weights = 0
        for tensor in expected.tensors {
            let parts = tensor.name.split(separator: ".")
            let kind = parts[parts.count - 1]
            if kind == "pruned" {
                let layer = parts.dropLast().joined(separator: ".")
                let mask = try #require(found.masks[layer], "\(layer)")
                differing += zip(mask, tensor.bytes).count { $0 != $1 }
                weights += mask.count
            } else {
                let values = try #require(found.values[tensor.name], "\(tensor.name)")
                let tolerance = kind == "bias_change" || kind == "scale" ? 1e-4 : 1e-5
                #expect(
                    Self.distance(values, floats(tensor)) < tolerance, "\(tensor.name)")
            }
        }
        #expect(weights == report["weights"]?.integer)
        #expect(Double(differing) <= 1e-4 * Double(weights), "\(differing) of \(weights)")
        for (found, key) in [
            (found.comparison?.perplexity?.dense, "perplexity_dense"),
            (found.comparison?.perplexity?.pruned, "perplexity_pruned"),
        ] {
            let value = try #require(found)
            let reference = try #require(report[key]?.double)
            #expect(abs(value / reference - 1) < 1e-3, "\(key): \(value), not \(reference)")
        }
        for (value, reference) in zip(found.errors, report["block_mse"]?.array ?? []) {
            #expect(abs(value / (reference.double ?? 0) - 1) < 1e-2)
        }
    }

    @Test(arguments: Fixture.families)
    func sameBitsForAnyThreads(_ family: String) throws {
        for name in ["stade-0.5-affine", "wanda-0.5-scale", "stade-obs-0.5"] {
            let fixture = Fixture(family: family, name: name)
            let one = try Self.run(Self.sweep(fixture, threads: 1))
            #expect(try Self.run(Self.sweep(fixture, threads: 2)) == one)
            #expect(try Self.run(Self.sweep(fixture, threads: 3)) == one)
        }
    }

    /// The largest difference over the largest value's size.
    static func distance(_ a: [Float], _ b: [Float]) -> Double {
        guard a.count == b.count else { return .infinity }
        let size = b.reduce(Float.leastNormalMagnitude) { max($0, abs($1)) }
        return Double(zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) } / size)
    }
}
