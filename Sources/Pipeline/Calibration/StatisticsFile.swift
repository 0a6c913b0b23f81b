import Checkpoint
import Documents
import Posix
import Pruning
import Tensors
import Transformer

/// The `stade-statistics.safetensors` of an earlier job on the same model, in place of a
/// calibration.
package struct StatisticsFile: Sendable {
    /// What the file's header says of where its statistics come from.
    struct Origin: Sendable, Hashable {
        /// See `Model.digest`.
        let model: String
        /// How many calibration tokens the statistics are of.
        let tokens: Int
        /// What had been done to the blocks before each block when it was measured, as
        /// `stade at sparsity 0.5`; nil: nothing, they are the dense model's.
        let pruned: String?
    }

    package let path: String
    let origin: Origin
    private let file: SafetensorsFile
    private let model: Model

    /// - Throws: `CheckpointError` or `SystemError` where it cannot be read, `PlanError` where it
    ///   is no such file or another model's.
    init(_ path: String, of model: Model, followSymlinks: Bool) throws {
        self.path = path
        self.model = model
        file = try SafetensorsFile(path, followSymlinks: followSymlinks)
        guard let origin = Origin(file.metadata) else {
            throw PlanError(
                place: path,
                reason: .statisticsFile(
                    "does not say of what model and how many tokens it is; expected a "
                        + "\(Layout.Output.statistics) that 'statistics: true' has left"))
        }
        self.origin = origin
        guard origin.model == model.digest else {
            throw PlanError(
                place: path,
                reason: .statisticsFile(
                    "is of another model than \(model.checkpoint.directory), or of it before its "
                        + "weights or config.json were changed; calibrate on a text"))
        }
    }

    /// Checks that the statistics of the inputs of `layers` are there.
    /// - Throws: `CheckpointError` for a tensor that is of no use, `PlanError` for one that is
    ///   missing.
    func check(_ layers: [LayerPlan]) throws {
        var known: [Int: Set<Tap>] = [:]
        for layer in layers {
            let tap = layer.key.tap
            guard known[layer.block, default: []].insert(tap).inserted else { continue }
            guard let source = source(tap, block: layer.block) else {
                throw PlanError(
                    place: path,
                    reason: .statisticsFile(
                        "has no statistics of layer \(layer.name), nor of one that reads the same "
                            + "input; ignore the layer or calibrate on a text"))
            }
            for kind in ["mean", "var", "norm2"] {
                let name = "\(source.layer).\(kind)"
                let expected = "float32 [\(source.features)]"
                guard let tensor = file.tensor(named: name) else {
                    throw PlanError(
                        place: path,
                        reason: .tensor(name, found: "missing", expected: expected))
                }
                guard tensor.shape == [source.features], tensor.type == .float32 else {
                    throw PlanError(
                        place: path,
                        reason: .tensor(
                            name, found: "\(tensor.type.rawValue) \(tensor.shape)",
                            expected: expected))
                }
                try tensor.checkFinite()
                if kind != "mean", let index = values(name).firstIndex(where: { $0 < 0 }) {
                    throw PlanError(
                        place: path,
                        reason: .statisticsFile(
                            "tensor '\(name)' is negative at [\(index)]; write the file anew"))
                }
            }
            if tap.expert != nil { try checkTokens(source.layer) }
        }
    }

    /// How many tokens an expert serves must be there, and fit the file's.
    private func checkTokens(_ layer: String) throws {
        let name = "\(layer).tokens"
        guard let tensor = file.tensor(named: name) else {
            throw PlanError(
                place: path,
                reason: .statisticsFile(
                    "does not say how many tokens an expert serves: tensor '\(name)' is missing, "
                        + "as in files of earlier versions; calibrate on a text"))
        }
        guard tensor.shape == [1], tensor.type == .int64, let count = served(layer),
            (0...origin.tokens).contains(count)
        else {
            throw PlanError(
                place: path,
                reason: .tensor(
                    name, found: "\(tensor.type.rawValue) \(tensor.shape)",
                    expected: "int64 [1], from 0 to \(origin.tokens)"))
        }
    }

    /// How many tokens an expert of a block serves, where the file says so.
    func tokens(ofExperts experts: Range<Int>, block: Int) -> [Int: Int] {
        var found: [Int: Int] = [:]
        for expert in experts {
            for stage in [Stage.feedForward, .down] where found[expert] == nil {
                guard let source = source(Tap(stage, expert: expert), block: block) else {
                    continue
                }
                found[expert] = served(source.layer)
            }
        }
        return found
    }

    private func served(_ layer: String) -> Int? {
        guard let tensor = file.tensor(named: "\(layer).tokens"), tensor.byteCount == 8 else {
            return nil
        }
        return tensor.withBytes(0..<8) { bytes in
            Int(Int64(littleEndian: bytes.unsafeLoadUnaligned(as: Int64.self)))
        }
    }

    /// The statistics of a block's inputs, as far as the file has them. To be called after `check`.
    func statistics(of block: Int) -> [Tap: Statistics] {
        Set(model.layers(block: block).map(\.tap)).reduce(into: [:]) { known, tap in
            known[tap] = statistics(of: tap, block: block)
        }
    }

    private func statistics(of tap: Tap, block: Int) -> Statistics? {
        guard let source = source(tap, block: block) else { return nil }
        // An expert that serves too few tokens was judged by all.
        let served = tap.expert == nil ? origin.tokens : served(source.layer) ?? origin.tokens
        return Statistics(
            tokens: served < source.features ? origin.tokens : served,
            mean: values("\(source.layer).mean"),
            variance: values("\(source.layer).var"), norm2: values("\(source.layer).norm2"))
    }

    /// Layers that read the same input have the same statistics, so the first in the file will do.
    private func source(_ tap: Tap, block: Int) -> (layer: String, features: Int)? {
        for layer in model.layers(block: block) where layer.tap == tap {
            let name = model.layerName(layer, block: block)
            if file.tensor(named: "\(name).mean") != nil {
                return (name, model.shape(layer, block: block).columns)
            }
        }
        return nil
    }

    private func values(_ name: String) -> [Float] {
        guard let tensor = file.tensor(named: name) else { return [] }
        return tensor.withBytes(0..<tensor.byteCount) { bytes in
            (0..<tensor.count).map {
                Float(
                    bitPattern: UInt32(
                        littleEndian: bytes.unsafeLoadUnaligned(
                            fromByteOffset: 4 * $0, as: UInt32.self)))
            }
        }
    }
}

extension StatisticsFile.Origin {
    private static let (modelKey, tokensKey, prunedKey) = (
        "stade_model", "stade_tokens", "stade_pruned"
    )

    /// For the header of the file.
    var metadata: [(key: String, value: String)] {
        [(Self.modelKey, model), (Self.tokensKey, "\(tokens)")]
            + (pruned.map { [(Self.prunedKey, $0)] } ?? [])
    }

    fileprivate init?(_ metadata: [(key: String, value: String)]) {
        func value(_ key: String) -> String? { metadata.first { $0.key == key }?.value }
        guard let model = value(Self.modelKey),
            let tokens = value(Self.tokensKey).flatMap({ Int($0) }), tokens > 0
        else { return nil }
        self.init(model: model, tokens: tokens, pruned: value(Self.prunedKey))
    }
}
