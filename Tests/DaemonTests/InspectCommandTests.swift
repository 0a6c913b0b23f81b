import Documents
import Glibc
import Posix
import TestSupport
import Testing

@testable import Daemon
@testable import Tokenizer

/// `stadectl inspect` and `stadectl tokenize`.
@Suite struct InspectCommandTests {
    private static let model = sourcePath("etc/demo/models/tiny-llama")

    private func run(
        _ words: [String], input: String? = nil, code: CInt = 0
    ) throws -> String {
        let scratch = try ScratchDaemon()
        let program = try Program(
            "stadectl", words, output: joined(scratch.path, "output"),
            setup: input.map { "exec < '\($0)'" })
        #expect(program.wait() == code)
        return program.output
    }

    @Test func inspect_tellsWhatTheModelIs() throws {
        let text = try run(["inspect", "--json", Self.model])
        let node = try JSON.parse(Array(text.utf8), file: "output")
        #expect(node["family"]?.string == "llama" && node["path"]?.string == Self.model)
        #expect(node["dtypes"]?.array?.first?["dtype"]?.string == "BF16")
        let blocks = try #require(node["sizes"]?["num_hidden_layers"]?.integer)
        let layers = try #require(node["layers"]?.array)
        #expect(layers.count == 7 && layers.allSatisfy { $0["layers"]?.integer == blocks })
        #expect(layers[0]["name"]?.string == "model.layers.*.self_attn.q_proj")
        #expect(layers.allSatisfy { $0["rows"]?.integer ?? 0 > 0 })
        let patterns = try #require(node["patterns"]?.array)
        let names = patterns.compactMap { $0["pattern"]?.string }
        #expect(names.contains("2:4") && names.contains("blocks") && !names.contains("experts"))
        #expect(patterns.allSatisfy { $0["allowed"]?.bool == true })
        #expect(node["tokenizer"]?["vocabulary"]?.integer ?? 0 > 100)
        #expect(node["plan"]?["memory_bytes"]?.integer ?? 0 > 1 << 20)
        #expect(node["plan"]?["disk_bytes"]?.integer ?? 0 > 1 << 20)
        // The same for people.
        let lines = try run(["inspect", Self.model]).split(separator: "\n").map(String.init)
        for (name, count) in [("family ", 1), ("layer ", 7), ("pattern ", 5), ("plan ", 1)] {
            #expect(lines.count { $0.hasPrefix(name) } == count, "\(name)")
        }
    }

    @Test func inspect_ofWhatIsNoModel_saysWhatItIs() throws {
        #expect(try run(["inspect", "/etc/passwd"], code: 66).contains("is a file"))
        #expect(try run(["inspect"], code: 64).contains("the model is missing"))
    }

    private static func ids(_ text: String) throws -> [Int32] {
        let tokenizer = try Tokenizer(directory: model, family: "llama", tokenizerClass: nil)
        return try tokenizer.encode(text, addSpecialTokens: true)
    }

    @Test func tokenize_printsIds() throws {
        let text = "It is a truth,\tisn't it?\n\n  Yes – 12345!"
        let expected = try Self.ids(text)
        let line = try run(["tokenize", Self.model, text])
        #expect(line == expected.map { "\($0)" }.joined(separator: " ") + "\n")
        let json = try run(["tokenize", "--json", Self.model, text])
        let node = try JSON.parse(Array(json.utf8), file: "output")
        #expect(node["ids"]?.array?.map(\.integer) == expected.map { Int($0) })
        #expect(try run(["tokenize", Self.model, ""]).hasSuffix("\n"))
        #expect(try run(["tokenize", Self.model, "a", "b"], code: 64).contains("one argument"))
        #expect(try run(["tokenize"], code: 64).contains("the model is missing"))
    }

    /// As it is, whatever its size.
    @Test func tokenize_readsStandardInput() throws {
        let scratch = try ScratchDaemon()
        let file = joined(scratch.path, "text")
        let book = try readFile(sourcePath("etc/demo/text/calibration.txt"))
        let long = [book, book, book, book, book, book].joined().map { $0 }
        for bytes in [Array("\u{FEFF}one\r\ntwo\r".utf8), [], long] {
            try writeFile(file, bytes)
            let expected = try Self.ids(String(decoding: bytes, as: UTF8.self))
            let output = try run(["tokenize", Self.model], input: file)
            #expect(
                output.split(separator: "\n").joined().split(separator: " ").map { Int32($0) }
                    == expected)
        }
        try writeFile(file, [0x61, 0xFF, 0x62])
        let error = try run(["tokenize", Self.model], input: file, code: 65)
        #expect(error.contains("standard input:1:2") && error.contains("not UTF-8"))
    }
}
