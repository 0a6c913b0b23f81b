import Documents
import Glibc
import Posix
import TestSupport
import Testing

@testable import Tokenizer

/// Files that stand beside the tests, and files that a test writes.
enum Fixture {
    struct Vector: Sendable {
        let text: String
        let ids: [Int32]
        let idsWithSpecial: [Int32]

        init(_ node: Node) throws {
            text = try #require(node["text"]?.string)
            ids = try Self.tokens(node["ids"])
            idsWithSpecial = try Self.tokens(node["ids_with_special"])
        }

        private static func tokens(_ node: Node?) throws -> [Int32] {
            try #require(node?.array).map { Int32(try #require($0.integer)) }
        }
    }

    static let kinds = [
        "gpt2", "opt", "gpt-neox", "smollm", "llama3", "qwen2", "llama2", "mistral", "gemma2",
        "phi3", "words-normalizer", "words-metaspace", "words-unknown", "words-dropped",
    ]

    /// `STADE_FIXTURES`, where larger ones may be, or those beside the tests.
    private static let directory: String = {
        if let given = getenv("STADE_FIXTURES") { return String(cString: given) }
        return sourcePath("Tests/TokenizerTests/Fixtures")
    }()

    /// The bytes of a compressed fixture.
    static func bytes(_ name: String) throws -> [UInt8] {
        let path = "\(directory)/\(name).gz"
        var result: [UInt8] = []
        var decoder = try GzipDecoder(path: path)
        _ = try decoder.decode(readFile(path)) { piece in
            result += piece
            return true
        }
        try decoder.finish()
        return result
    }

    static func node(_ name: String) throws -> Node {
        try JSON.parse(bytes(name), file: name)
    }

    static func tokenizer(_ kind: String) throws -> Tokenizer {
        try Tokenizer(bytes("\(kind).tokenizer.json"), path: "\(kind).tokenizer.json")
    }

    /// A tokenizer of `kind` with other fields.
    static func tokenizer(
        _ kind: String, _ change: (inout Node) throws -> Void
    ) throws -> Tokenizer {
        var node = try node("\(kind).tokenizer.json")
        try change(&node)
        return try Tokenizer(JSON.encode(node, indent: nil), path: "tokenizer.json")
    }

    /// Writes a file of that name into a directory of its own, which goes when `body` returns.
    static func withFile<Result>(
        _ name: String, _ bytes: [UInt8], _ body: (String) throws -> Result
    ) throws -> Result {
        try withFiles([(name, bytes)]) { try body("\($0)/\(name)") }
    }

    /// The same with several files; `body` gets the directory.
    static func withFiles<Result>(
        _ files: [(name: String, bytes: [UInt8])], _ body: (String) throws -> Result
    ) throws -> Result {
        let scratch = try Scratch()
        for file in files { try scratch.write(file.name, file.bytes) }
        return try withExtendedLifetime(scratch) { try body(scratch.path) }
    }
}
