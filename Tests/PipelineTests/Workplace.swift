import Checkpoint
import Documents
import Foundation
import Manifests
import Posix
import Tensors
import TestSupport
import Testing
import Transformer

import Pipeline

/// A directory with a model, its tokens and room for outputs, removed when the value goes.
final class Workplace: Sendable {
    typealias Tensor = (name: String, type: ElementType, shape: [Int], bytes: [UInt8])

    private let scratch: Scratch
    var path: String { scratch.path }

    /// - Parameter family: of the fixture that becomes `model`, without the reference's results.
    convenience init(_ family: String = "llama") throws {
        let fixture = "\(Fixture.root)/\(family)"
        try self.init(files: [
            "model/config.json": readFile("\(fixture)/config.json"),
            "model/model.safetensors": readFile("\(fixture)/model.safetensors"),
            "tokens.safetensors": readFile("\(fixture)/tokens.safetensors"),
        ])
    }

    init(files: [String: [UInt8]]) throws {
        scratch = try Scratch()
        for (name, bytes) in files { try scratch.write(name, bytes) }
    }

    subscript(name: String) -> String { "\(path)/\(name)" }

    static let calibration = "calibration: {tokens: tokens.safetensors}\n"
    static let evaluation = "evaluation: {tokens: tokens.safetensors, length: 64}\n"

    /// A job from a manifest: what every one has, then `rest`.
    func job(
        _ rest: String, model: String = "model", output: String = "out", id: String = "job",
        ceiling: Configuration.Limits = Configuration().limits
    ) throws -> Job {
        let text = "version: 1\nmodel: \(model)\noutput: \(output)\n" + rest
        return Job(
            id: id, manifest: try Manifest.read(Array(text.utf8), file: "test.yaml"),
            paths: Roots(.unrestricted(base: path)), ceiling: ceiling)
    }

    @discardableResult
    func run(
        _ rest: String, model: String = "model", output: String = "out", id: String = "job"
    ) throws -> [String] {
        try job(rest, model: model, output: output, id: id).run(
            progress: { _ in }, isStopped: { false })
    }

    func json(_ name: String) throws -> Node { try JSON.parse(readFile(self[name]), file: name) }

    func report(_ output: String = "out") throws -> Node {
        try json("\(output)/stade-report.json")
    }

    /// The report of each layer by name.
    func layers(_ output: String = "out") throws -> [String: Node] {
        let layers = try #require(report(output)["layers"]?.array)
        return Dictionary(uniqueKeysWithValues: layers.map { ($0["name"]?.string ?? "", $0) })
    }

    func checkpoint(_ name: String = "out") throws -> Checkpoint {
        try Checkpoint(directory: self[name])
    }

    /// All files below a directory, sorted.
    func files(_ name: String) throws -> [String] { try scratch.files(name) }

    /// The names in the directory of the outputs, hidden ones too.
    func entries() throws -> [String] { try scratch.names() }

    func tensors(_ name: String = "model") throws -> [Tensor] {
        try checkpoint(name).tensors.map { ($0.name, $0.type, $0.shape, Array($0.bytes)) }
    }

    /// Replaces the weights of `model`.
    func store(_ tensors: [Tensor]) throws {
        try? removeTree(self["model/model.safetensors"])
        try SafetensorsFile.write(
            self["model/model.safetensors"], tensors: tensors, metadata: [("format", "pt")])
    }

    /// Words of one letter, without any special token.
    static let tokenizer = #"""
        {"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer":
        {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        "post_processor": null, "decoder": null, "model": {"type": "BPE", "vocab":
        {"a": 3, "b": 4, "c": 5, "Ġ": 6}, "merges": []}}
        """#

    /// Gives the model that tokenizer, and writes `q.jsonl`.
    func store(questions: String) throws {
        try writeFile(self["model/tokenizer.json"], Array(Self.tokenizer.utf8))
        try writeFile(self["q.jsonl"], Array(questions.utf8))
    }

    func configure(_ change: (Node) -> Node) throws {
        try writeFile(self["model/config.json"], JSON.encode(change(json("model/config.json"))))
    }
}

/// Without the places in the file, which equality looks at.
func text(_ node: Node) -> String { String(decoding: JSON.encode(node), as: UTF8.self) }

/// The bytes of float32 values in another type.
func bytes(_ values: [Float], _ type: ElementType) -> [UInt8] {
    let buffer = Buffer<UInt8>(count: values.count * type.size)
    encode(Matrix(row: values), 0..<values.count, type, into: buffer)
    return (0..<buffer.count).map { buffer[$0] }
}

func zeros(_ tensor: TensorView) -> Int {
    let size = tensor.type.size
    let bytes = tensor.bytes
    return (0..<tensor.count).count { index in
        // Minus zero is one, too.
        (0..<size).allSatisfy { bytes[index * size + $0] & ($0 == size - 1 ? 0x7f : 0xff) == 0 }
    }
}

/// The error for a person that `body` must end with.
func failure(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) -> (any Failure)? {
    let error = #expect(throws: (any Error).self, sourceLocation: sourceLocation) { try body() }
    let result = error as? any Failure
    #expect(
        result != nil, "\(error.debugDescription) is not for a person",
        sourceLocation: sourceLocation)
    return result
}

extension TensorView {
    /// All of its elements.
    var bytes: [UInt8] { bytes(0..<byteCount) }
}
