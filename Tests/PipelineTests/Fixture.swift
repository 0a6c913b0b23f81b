import Checkpoint
import Documents
import Manifests
import Posix
import TestSupport
import Testing
import Transformer

import Pipeline

/// A small random checkpoint of one family, with what the reference made of it.
struct Fixture: Sendable, CustomTestStringConvertible {
    static let families = [
        "llama", "llama-tied-rope-scaled", "llama-biased", "opt", "opt-post-norm", "qwen2",
        "qwen3", "mistral-window", "gemma2", "gpt-neox", "phi3",
    ]
    static let cases = [
        "magnitude-0.5", "wanda-0.5", "stade-0.5", "stade-2of4", "stade-4of8", "stade-0.7",
        "stade-w-0.5", "stade-star-0.5", "stade-0.5-affine", "wanda-0.5-scale",
        "stade-2of4-affine", "stade-0.7-none", "sparsegpt-0.5", "sparsegpt-2of4",
        "sparsegpt-mask-0.5",
        "stade-obs-0.5",
    ]
    static let all = families.flatMap { family in cases.map { Fixture(family: family, name: $0) } }

    let family: String
    let name: String

    var testDescription: String { "\(family) \(name)" }

    static let root = sourcePath("Tests/PipelineTests/Fixtures")

    var directory: String { "\(Self.root)/\(family)" }

    func model() throws -> Model { try Model(Checkpoint(directory: directory)) }

    /// Calibration windows and evaluation windows of the same length.
    func tokens() throws -> (TokenWindows, TokenWindows) {
        let file = try SafetensorsFile("\(directory)/tokens.safetensors")
        let calibration = try #require(file.tensor(named: "calibration"))
        let evaluation = try #require(file.tensor(named: "evaluation"))
        let length = calibration.shape[1]
        return (
            TokenWindows(tokens: integers(calibration), length: length),
            try #require(
                TokenWindows(cutting: integers(evaluation), length: length, limit: nil))
        )
    }

    func expectedReport() throws -> Node {
        let path = "\(directory)/expected/\(name).json"
        return try JSON.parse(readFile(path), file: path)
    }

    /// The reference's statistics, masks, bias changes and scales.
    func expectedTensors() throws -> SafetensorsFile {
        let scratch = try Scratch()
        try scratch.write(
            "expected", inflated("\(directory)/expected/\(name).safetensors.gz"))
        return try SafetensorsFile(scratch["expected"])
    }
}

func integers(_ tensor: TensorView) -> [Int32] {
    tensor.bytes.withUnsafeBytes { Array($0.bindMemory(to: Int32.self)) }
}

func floats(_ tensor: TensorView) -> [Float] {
    tensor.bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
}
