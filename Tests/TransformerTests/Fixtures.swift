import Checkpoint
import Documents
import Foundation
import Posix
import Tensors
import TestSupport
import Testing

import Transformer

/// The small models of the pipeline's tests.
enum Fixtures {
    static let families = [
        "llama", "llama-tied-rope-scaled", "llama-biased", "opt", "opt-post-norm", "qwen2",
        "qwen3", "mistral-window", "gemma2", "gpt-neox", "phi3",
    ]

    static let root = sourcePath("Tests/PipelineTests/Fixtures")

    /// A file of this module's own fixtures.
    static func own(_ name: String) -> String {
        sourcePath("Tests/TransformerTests/Fixtures/\(name)")
    }

    static func config(_ family: String) throws -> Node {
        let path = "\(root)/\(family)/config.json"
        return try JSON.parse(readFile(path), file: path)
    }

    static func model(_ family: String) throws -> Model {
        try Model(Checkpoint(directory: "\(root)/\(family)"))
    }

    /// A model like a fixture's with another config.json, or other tensors.
    static func model(
        _ family: String, config change: (Node) -> Node = { $0 },
        tensors: ([Tensor]) -> [Tensor] = { $0 }
    ) throws -> Model {
        let path = "\(scratch)/\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true)
        try writeFile("\(path)/config.json", JSON.encode(change(config(family))))
        let source = try SafetensorsFile("\(root)/\(family)/model.safetensors")
        try SafetensorsFile.write(
            "\(path)/model.safetensors",
            tensors: tensors(
                source.tensors.map { ($0.name, $0.type, $0.shape, Array($0.bytes)) }))
        return try Model(Checkpoint(directory: path))
    }

    /// Holds the changed models: what lies beside their weights is looked for as long as they are
    /// used. It goes with the process.
    private static let scratch: String = {
        atexit { _ = try? removeTree(Fixtures.scratch) }
        return FileManager.default.temporaryDirectory
            .appendingPathComponent("stade-models-\(UUID().uuidString)").path
    }()

    typealias Tensor = (name: String, type: ElementType, shape: [Int], bytes: [UInt8])
}

func configuration(
    _ config: Node, _ architecture: Architecture
) throws(ModelError) -> ModelConfiguration {
    try ModelConfiguration(config, architecture: architecture, file: "config.json")
}

func named(_ name: String) throws -> Architecture { try #require(Architecture.named(name)) }

extension Matrix {
    /// All elements, row by row.
    var elements: [Float] { (0..<(rows * columns)).map { start[$0] } }
}

extension TensorView {
    /// All of its elements.
    var bytes: [UInt8] { bytes(0..<byteCount) }
}
