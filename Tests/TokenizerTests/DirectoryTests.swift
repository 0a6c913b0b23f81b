import Documents
import Glibc
import Posix
import Testing

@testable import Tokenizer

/// Directories without `tokenizer.json`, against transformers.
/// `Tests/Reference/tokenizer_directories.py` made them and asked it.
@Suite struct DirectoryTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let family: String
        /// nil: `vocab.json` and `merges.txt`.
        let model: String?
        let files: [(name: String, node: Node)]
        /// nil where transformers loads nothing.
        let ids: [[Int32]]?
        let idsWithSpecial: [[Int32]]

        var testDescription: String { name }

        init(_ node: Node) {
            func tokens(_ node: Node?) -> [[Int32]]? {
                node?.array?.map { ($0.array ?? []).compactMap { $0.integer.map { Int32($0) } } }
            }
            name = node["name"]?.string ?? ""
            family = node["family"]?.string ?? ""
            model = node["model"]?.string
            files = (node["files"]?.members ?? []).map { ($0.key, $0.value) }
            ids = tokens(node["ids"])
            idsWithSpecial = tokens(node["ids_with_special"]) ?? []
        }
    }

    static let root = (try? Fixture.node("directories.json")) ?? .null
    static let cases = (root["cases"]?.array ?? []).map(Case.init)
    static let texts = (root["texts"]?.array ?? []).compactMap(\.string)

    /// What transformers makes an empty tokenizer of, and a class that it does not know: it takes
    /// the file as it stands then, but which classes there are is not known here.
    static let refused: Set = ["qwen3_5", "an unknown class"]

    @Test func cases_areThere() {
        #expect(Self.cases.count >= 40)
        #expect(Self.texts.count >= 50)
    }

    /// A `tokenizer.model`, with SentencePiece's map of characters at its end if it has one: a
    /// message that comes twice is one.
    static func model(_ name: String) throws -> [UInt8] {
        var bytes = try Fixture.bytes("\(name).tokenizer.model")
        let maps = try #require(root["maps"]?.array).compactMap(\.string)
        guard maps.contains(name) else { return bytes }
        let step = CharacterTests.root["normalizers"]?["Precompiled"]?["step"]
        let map = try #require(Base64.decode(step?["precompiled_charsmap"]?.string ?? ""))
        func varint(_ value: Int) -> [UInt8] {
            value < 128 ? [UInt8(value)] : [UInt8(value & 127 | 128)] + varint(value >> 7)
        }
        let inner = [0x12] + varint(map.count) + map
        bytes += [0x1A] + varint(inner.count) + inner
        return bytes
    }

    private static func files(_ example: Case) throws -> [(name: String, bytes: [UInt8])] {
        let files = example.files.map { ($0.name, JSON.encode($0.node)) }
        if let model = example.model {
            return files + [("tokenizer.model", try Self.model(model))]
        }
        return try files
            + ["vocab.json", "merges.txt"].map { ($0, try Fixture.bytes("vocabulary.\($0)")) }
    }

    @Test(arguments: cases)
    func directory_hasTheTokensOfTransformers(_ example: Case) throws {
        try Fixture.withFiles(Self.files(example)) { directory in
            func tokenizer() throws -> Tokenizer {
                try Tokenizer(directory: directory, family: example.family, tokenizerClass: nil)
            }
            guard let ids = example.ids, !Self.refused.contains(example.name) else {
                #expect(throws: (any Error).self) { try tokenizer() }
                return
            }
            let found = try tokenizer()
            for (index, text) in Self.texts.enumerated() {
                let plain = try found.encode(text, addSpecialTokens: false)
                #expect(plain == ids[index], "\(text.debugDescription)")
                let special = try found.encode(text, addSpecialTokens: true)
                #expect(special == example.idsWithSpecial[index], "\(text.debugDescription)")
            }
        }
    }

    @Test(arguments: [
        ("merges.txt", "a b\na\n", "merges.txt:2:1: two tokens with one space between them"),
        ("merges.txt", "\u{E9} b\n", "merges.txt:1:1: 'éb' is not in vocab.json"),
        ("vocab.json", "[]", "vocab.json: an object is expected"),
        ("vocab.json", #"{"a": -1}"#, "a token id, from 0"),
        ("vocab.json", "<html><body>", "is an HTML page"),
    ])
    func vocabulary_whenMalformed_isRefusedByName(
        _ name: String, _ text: String, _ words: String
    ) throws {
        let example = try #require(Self.cases.first { $0.name == "gpt2" })
        let files = try Self.files(example).filter { $0.name != name }
        try Fixture.withFiles(files + [(name, Array(text.utf8))]) { directory in
            let error = try #require(throws: DocumentError.self) {
                try Tokenizer(directory: directory, family: "gpt2", tokenizerClass: nil)
            }
            #expect(error.description.contains(words), "\(error.description)")
        }
    }

    @Test(
        arguments: [
            ([], "it has no pieces"), ([0x0A], "a number is cut off"),
            ([0x0A, 0x05, 0x0A], "a field is longer than what holds it"),
            ([0x0B], "a field has the unknown wire type 3"), ([0x00], "a field has the number 0"),
            ([0x0A, 0x03, 0x0A, 0x01, 0xFF], "a text is not UTF-8"),
            (Array(repeating: 0xFF, count: 20), "a number has more than ten bytes"),
            (Array("IQ== 0\n".utf8), "If it is one of tiktoken"),
        ] as [([UInt8], String)])
    func model_whenMalformed_isRefused(_ bytes: [UInt8], _ words: String) throws {
        try Fixture.withFiles([("tokenizer.model", bytes)]) { directory in
            let error = try #require(throws: DocumentError.self) {
                try Tokenizer(directory: directory, family: "llama", tokenizerClass: nil)
            }
            #expect(error.description.contains(words), "\(error.description)")
            #expect(error.file.hasSuffix("tokenizer.model"))
        }
    }

    /// Two bytes a piece: a file of some megabytes must not take gigabytes.
    @Test func model_withManyEmptyPieces_isRefusedByItsMemory() throws {
        let bytes = [UInt8]((0..<2_000_000).map { $0 % 2 == 0 ? 0x0A : 0 })
        let error = #expect(throws: DocumentError.self) {
            _ = try SentencePieceFile(bytes, path: "tokenizer.model", memory: 100 << 20)
        }
        #expect(try #require(error).description.contains("1000000 pieces need"))
    }

    @Test func model_cutAnywhere_neverCrashes() throws {
        let bytes = try Self.model("llama")
        for count in stride(from: 0, to: bytes.count, by: 7) {
            _ = try? SentencePieceFile(
                Array(bytes[..<count]), path: "tokenizer.model", memory: 1 << 30)
        }
    }

    /// Files of other programs are told by what they are.
    @Test(arguments: [
        ("tekken.json", "mistral", "tekken.json: is Mistral's own form (tekken)"),
        ("v3-tekken.json", "ministral3", "v3-tekken.json: is Mistral's own form (tekken)"),
        ("tiktoken.model", "llama", "tiktoken.model: is a vocabulary of tiktoken"),
        ("qwen.tiktoken", "qwen2", "qwen.tiktoken: is a vocabulary of tiktoken"),
        ("tokenizer.model.v3", "mistral", "is a model of SentencePiece under a name"),
        ("spiece.model", "llama", "is a model of SentencePiece under a name"),
        ("vocab.txt", "bert", "is a vocabulary of BERT's kind"),
        ("vocab.json", "gpt2", "has no merges.txt beside it"),
        ("merges.txt", "gpt2", "has no vocab.json beside it"),
        ("tokenization_odd.py", "llama", "it is a program, which nobody runs here"),
    ])
    func directory_ofAnotherForm_isToldByWhatItIs(
        _ name: String, _ family: String, _ words: String
    ) throws {
        try Fixture.withFiles([("config.json", Array("{}".utf8)), (name, Array("{}".utf8))]) {
            directory in
            let error = try #require(throws: DocumentError.self) {
                try Tokenizer(directory: directory, family: family, tokenizerClass: nil)
            }
            #expect(error.description.contains(words), "\(error.description)")
            #expect(error.exitCode == .data && error.file.hasSuffix(name))
        }
    }

    /// Without any of them there is simply no tokenizer.
    @Test func directory_withoutATokenizer() throws {
        try Fixture.withFiles([("config.json", Array("{}".utf8))]) { directory in
            let error = try #require(throws: SystemError.self) {
                try Tokenizer(directory: directory, family: "llama", tokenizerClass: nil)
            }
            #expect(error.errno == ENOENT)
        }
    }

    @Test(arguments: ["T5Tokenizer", "Qwen3_5Tokenizer"])
    func directory_ofAnotherClass_isRefusedByName(_ name: String) throws {
        let settings = Array(#"{"tokenizer_class": "\#(name)"}"#.utf8)
        let files = [
            ("tokenizer_config.json", settings), ("tokenizer.model", try Self.model("llama")),
        ]
        try Fixture.withFiles(files) { directory in
            let error = try #require(throws: DocumentError.self) {
                try Tokenizer(directory: directory, family: "llama", tokenizerClass: nil)
            }
            #expect(error.description.contains("is missing, and \(name) is not made"))
        }
    }
}
