import Documents
import Glibc
import Posix
import Testing

@testable import Tokenizer

/// Tokens that are only in the files beside `tokenizer.json`. `Tests/Reference/added_tokens.py`
/// asked transformers what they are.
struct AddedTokensTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let family: String
        let tokenizer: Node
        let files: [(name: String, node: Node)]
        let texts: [String]
        /// Of each text; nil where transformers loads nothing.
        let ids: [[Int32]]?

        var testDescription: String { name }
    }

    static let cases: [Case] = {
        guard let root = try? Fixture.node("added-tokens.json") else { return [] }
        let texts = root["texts"]?.array ?? []
        return (root["cases"]?.array ?? []).map { example($0, root["bases"], texts) }
    }()

    private static func example(_ node: Node, _ bases: Node?, _ texts: [Node]) -> Case {
        let base: String = node["base"]?.string ?? ""
        let files: [(name: String, node: Node)] =
            (node["files"]?.members ?? []).map { ($0.key, $0.value) }
        var tokenizer = Node.null
        if let found = bases?[base] { tokenizer = found }
        return Case(
            name: node["name"]?.string ?? "", family: node["family"]?.string ?? "",
            tokenizer: tokenizer, files: files, texts: texts.compactMap(\.string),
            ids: node["ids"]?.array?.map(numbers))
    }

    private static func numbers(_ node: Node) -> [Int32] {
        var numbers: [Int32] = []
        for element in node.array ?? [] {
            if let value = element.integer, let number = Int32(exactly: value) {
                numbers.append(number)
            }
        }
        return numbers
    }

    /// As tokenizers 0.23 has it: `A` is two spaces, `X` is `<x>` and takes the space behind it.
    @Test(arguments: [
        ("a      b", true, true, "aAb"), ("<x>     b", true, true, "Xb"),
        ("<x>    <x> b", true, true, "XXb"), ("   ", true, true, "A"),
        ("a      b", false, true, "aAAAb"), ("<x>     b", false, true, "XAAb"),
        ("<x>    <x> b", false, true, "XAAXb"), ("a      b", true, false, "aAAAb"),
    ])
    func whiteSpace_isTakenOnce(
        _ text: String, _ left: Bool, _ right: Bool, _ expected: String
    ) throws {
        let json = """
            {"version": "1.0", "added_tokens": [
            {"id": 3, "content": "  ", "single_word": false, "lstrip": \(left),
            "rstrip": \(right), "normalized": false, "special": true},
            {"id": 4, "content": "<x>", "single_word": false, "lstrip": false,
            "rstrip": true, "normalized": false, "special": true}],
            "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"},
            "post_processor": null, "decoder": null,
            "model": {"type": "WordLevel", "vocab": {"?": 0, "a": 1, "b": 2}, "unk_token": "?"}}
            """
        let tokenizer = try Tokenizer(Array(json.utf8), path: "t.json")
        let ids = try tokenizer.encode(text, addSpecialTokens: false)
        let names: [Character] = ["?", "a", "b", "A", "X"]
        #expect(String(ids.map { names[Int($0)] }) == expected)
    }

    @Test func cases_areThere() { #expect(Self.cases.count >= 50) }

    @Test(arguments: cases)
    func directory_addsWhatTransformersAdds(_ example: Case) throws {
        try Fixture.withFiles(
            [("tokenizer.json", JSON.encode(example.tokenizer))]
                + example.files.map { ($0.name, JSON.encode($0.node)) }
        ) { directory in
            guard let expected = example.ids else {
                let error = try #require(throws: DocumentError.self) {
                    try Tokenizer(directory: directory, family: example.family, tokenizerClass: nil)
                }
                // By name: the file, and the key in it.
                #expect(error.file.hasSuffix("tokenizer_config.json"))
                let words = ["added_tokens_decoder", "bos_token"]
                #expect(words.contains(where: error.reason.contains), "\(error.reason)")
                return
            }
            let tokenizer = try Tokenizer(
                directory: directory, family: example.family, tokenizerClass: nil)
            for (text, ids) in zip(example.texts, expected) {
                let found = try tokenizer.encode(text, addSpecialTokens: false)
                #expect(found == ids, "\(text.debugDescription)")
            }
        }
    }

    @Test(arguments: [
        ("tokenizer_config.json", "[]", "an object is expected"),
        ("tokenizer_config.json", #"{"split_special_tokens": true}"#, "split_special_tokens"),
        ("added_tokens.json", #"{"<b>": "x"}"#, "<b>"),
        ("added_tokens.json", #"{"<b>": -1}"#, "<b>"),
        ("special_tokens_map.json", #"{"bos_token": 5}"#, "bos_token"),
        (
            "special_tokens_map.json", #"{"additional_special_tokens": [{"content": "<b>"}]}"#,
            "additional_special_tokens[0]"
        ),
        (
            "tokenizer_config.json", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
            "git lfs pull"
        ),
        ("tokenizer.json", "version https://git-lfs.github.com/spec/v1\nsize 1\n", "git lfs pull"),
        ("tokenizer.json", "<html><body>Sign in</body></html>", "is an HTML page"),
        ("tokenizer.json", #"{"error": "Access to model x is restricted"}"#, "server's answer"),
    ])
    func directory_refusesByName(_ name: String, _ text: String, _ word: String) throws {
        let plain = try #require(Self.cases.first).tokenizer
        let files = [("tokenizer.json", JSON.encode(plain))].filter { $0.0 != name }
        try Fixture.withFiles(files + [(name, Array(text.utf8))]) { directory in
            let error = try #require(throws: DocumentError.self) {
                try Tokenizer(directory: directory, family: "llama", tokenizerClass: nil)
            }
            #expect(error.file.hasSuffix(name))
            #expect(error.reason.contains(word), "\(error.reason)")
        }
    }
}
