import Checkpoint
import Documents
import Foundation
import Posix
import Tensors
import TestSupport
import Testing

@testable import Transformer

/// What `Tests/Reference/gradients.py` says of a block of a small model.
struct Gradients: Sendable, CustomTestStringConvertible {
    static let windows = 2
    static let length = 40

    let model: String
    let block: Int
    let loss: Double
    let parameters: [String: Expected]

    struct Expected: Sendable {
        let max: Double
        let some: [Double]
        let sums: [Double]
    }

    var testDescription: String { "\(model) block \(block)" }

    static let all: [Gradients] = {
        let path = Fixtures.own("gradients.json")
        guard let bytes = try? readFile(path), let root = try? JSON.parse(bytes, file: path) else {
            return []
        }
        return (root.members ?? []).flatMap { model in
            (model.value.members ?? []).map { block in
                Gradients(model: model.key, block: Int(block.key) ?? -1, block.value)
            }
        }
    }()

    private init(model: String, block: Int, _ node: Node) {
        self.model = model
        self.block = block
        loss = node["loss"]?.double ?? .nan
        func doubles(_ node: Node?) -> [Double] { (node?.array ?? []).map { $0.double ?? .nan } }
        parameters = Dictionary(
            uniqueKeysWithValues: (node["parameters"]?.members ?? []).map {
                (
                    $0.key,
                    Expected(
                        max: $0.value["max"]?.double ?? .nan, some: doubles($0.value["some"]),
                        sums: doubles($0.value["sums"]))
                )
            })
    }

    /// The numbers between -1 and 1 of which inputs, targets and masks are made.
    static func numbers(_ count: Int, seed: UInt64) -> [Double] {
        (1...max(1, UInt64(count))).map { i in
            let mixed = i &* ((2 * seed + 1) &* 2_654_435_761) &+ seed &* 40503
            var bits = UInt32(truncatingIfNeeded: mixed)
            bits = (bits ^ (bits >> 15)) &* 2_246_822_519
            bits ^= bits >> 13
            return Double(bits) / 2_147_483_648 - 1
        }
    }

    /// The places whose gradients stand under `some`.
    static func places(_ count: Int) -> [Int] { (0..<12).map { ($0 * 7919 + 31) % count } }

    /// The model, in a directory that lasts as long as `scratch` does.
    func load(in scratch: Scratch) throws -> Model {
        let plain = fixturePath(model)
        if FileManager.default.fileExists(atPath: "\(plain)/model.safetensors") {
            return try Model(Checkpoint(directory: plain))
        }
        let packed =
            FileManager.default.fileExists(atPath: fixturePath("mixtures/\(model)"))
            ? fixturePath("mixtures/\(model)")
            : sourcePath("Tests/PipelineTests/Families/\(model)")
        try scratch.write("config.json", readFile("\(packed)/config.json"))
        try scratch.write("model.safetensors", inflated("\(packed)/model.safetensors.gz"))
        return try Model(Checkpoint(directory: scratch.path))
    }

    /// Zeroes some weights of a layer, as the reference does.
    static func mask(_ layer: Linear) {
        let chosen = numbers(layer.rows * layer.columns, seed: 3)
        for (place, number) in chosen.enumerated() where number < -0.2 {
            layer.weights.view[place / layer.columns, place % layer.columns] = 0
        }
        layer.update(bias: layer.bias)
        layer.pack()
    }

    static func streams(_ model: Model, block: Int = 0) -> TuningStreams {
        func matrix(_ columns: Int, seed: UInt64, size: Double) -> Matrix {
            let result = Matrix(rows: windows * length, columns: columns)
            for (place, number) in numbers(result.rows * columns, seed: seed).enumerated() {
                result.view[place / columns, place % columns] = Float(size * number)
            }
            return result
        }
        let (hidden, shared) = (model.configuration.hiddenSize, model.configuration.kept)
        let kept = shared.width == 0 ? nil : Matrix(rows: windows * length, columns: shared.width)
        for (kind, seed) in [(KeyValues.Kind.keys, UInt64(8)), (.values, 9)] {
            guard let kept, let columns = shared.columns(kind, block: block) else { continue }
            kept.view.part(rows: 0..<kept.rows, columns: columns)
                .copy(from: matrix(columns.count, seed: seed, size: 1).view)
        }
        return TuningStreams(
            input: matrix(hidden, seed: 1, size: 2), target: matrix(hidden, seed: 2, size: 2),
            tokens: (0..<Int32(windows * length)).map { $0 * 7 % 50 }, kept: kept)
    }

    /// The loss, and the gradients by their names inside of the block; those of weights that are 0
    /// are 0.
    struct Found {
        var loss: Double
        var gradients: [String: [Float]] = [:]
    }

    /// All of a block's; nil where it has none.
    static func experts(_ model: Model, block: Int) throws -> ExpertGroup? {
        guard model.isMixture(block), let count = model.configuration.mixture?.experts else {
            return nil
        }
        return try model.loadExperts(
            0..<count, block: block, input: .float32, pool: WorkerPool(width: 2))
    }

    func find(_ model: Model, threads: Int) throws -> Found {
        let block = try model.loadBlock(self.block, input: .float32)
        let experts = try Self.experts(model, block: self.block)
        let layers = block.layers.merging(experts?.layers ?? [:]) { $1 }
        for (key, layer) in layers where key.role != .router { Self.mask(layer) }
        let tuner = try BlockTuner(
            block, experts: experts, tuned: Set(layers.keys), model: model, length: Self.length,
            pool: WorkerPool(width: threads))
        let loss = try tuner.gradients(
            Array(0..<Self.windows), Self.streams(model, block: self.block))
        var found = Found(loss: loss)
        let prefix = model.blockName("", self.block)
        for (name, values) in tuner.gradients(of: model) {
            found.gradients[String(name.dropFirst(prefix.count))] = values
        }
        return found
    }
}

extension BlockTuner {
    /// By the names of tensors; of fused ones one after the other.
    fileprivate func gradients(of model: Model) -> [(name: String, values: [Float])] {
        let block = parameters.block.index
        var found: [(name: String, values: [Float])] = []
        for (key, layer) in parameters.layers where layer.isTuned && key.expert ?? 0 < 3 {
            let weights = layer.used.elements
            let gradient = layer.gradient.elements
            found.append(
                (
                    "\(model.layerName(key, block: block)).weight",
                    zip(weights, gradient).map { $0 == 0 ? 0 : $1 }
                ))
            if let bias = layer.bias {
                found.append(
                    ("\(model.layerName(key, block: block)).bias", bias.gradient.elements))
            }
        }
        for norm in parameters.norms.values {
            let tensors = norm.cut(
                norm.weight?.gradient.elements, norm.bias?.gradient.elements)
            found += tensors.map { ($0.name, $0.values) }
        }
        return found
    }
}
