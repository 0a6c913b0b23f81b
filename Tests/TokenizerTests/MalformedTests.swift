import Documents
import Testing

@testable import Tokenizer

/// Files that must be refused, with the file, the field and what is supported.
@Suite struct MalformedTests {
    private static let small = """
        {"version": "1.0", "added_tokens": [], "normalizer": null,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true},
        "post_processor": null, "decoder": null,
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}}
        """

    private static let token =
        #"{"id": 3, "content": "<x>", "single_word": false, "lstrip": false, "rstrip": false, "#
        + #""normalized": false, "special": true}"#

    struct Case: Sendable, CustomTestStringConvertible {
        let old: String
        let new: String
        let message: String
        var testDescription: String { "\(new): \(message)" }

        init(_ old: String, _ new: String, _ message: String) {
            self.old = old
            self.new = new
            self.message = message
        }
    }

    @Test func small_isRead() throws {
        let tokenizer = try Tokenizer(Array(Self.small.utf8), path: "t.json")
        #expect(try tokenizer.encode("abba", addSpecialTokens: true) == [2, 1, 0])
    }

    @Test(arguments: [
        Case(#""1.0""#, #""2.0""#, "t.json:1:13: version: '2.0' is not supported; only '1.0' is"),
        Case(
            #""BPE""#, #""Odd""#,
            "model.type: 'Odd' is not supported; supported are BPE, Unigram, WordLevel and "
                + "WordPiece"
        ),
        Case(
            #""added_tokens": [], "normalizer": null"#,
            #""added_tokens": [\#(token.replacing("false, \"special", with: "true, \"special"))], "#
                + #""normalizer": {"type": "Replace", "pattern": {"Regex": "<x>"}, "content": ""}"#,
            "added_tokens[0]: nothing is left of this token after normalization"),
        Case(#""BPE""#, #""Unigram""#, "model.vocab: an array is expected"),
        Case(#""BPE""#, #""WordPiece""#, "model.unk_token: is missing; a string is expected"),
        Case(#""BPE""#, #""WordLevel""#, "model.unk_token: is missing; a string is expected"),
        Case(#""BPE""#, "7", "model.type: a string is expected"),
        Case(
            #""ByteLevel", "add"#, #""Odd", "add"#,
            "pre_tokenizer.type: 'Odd' is not supported; supported are BertPreTokenizer,"
        ),
        Case(
            #""add_prefix_space": false, "#, "",
            "pre_tokenizer.add_prefix_space: is missing; true or false is expected"),
        Case(
            #"{"type": "ByteLevel","#,
            #"{"type": "Split", "pattern": {"Regex": "(a"}, "behavior": "Isolated", "#
                + #""invert": false,"#,
            "pre_tokenizer.pattern.Regex: not a valid pattern: end pattern with unmatched"),
        Case(
            #"{"type": "ByteLevel","#,
            #"{"type": "Split", "pattern": {"Regex": "a"}, "behavior": "Odd", "invert": false,"#,
            "pre_tokenizer.behavior: 'Odd' is not supported; supported are Isolated,"),
        Case(
            #"{"type": "ByteLevel","#,
            #"{"type": "Split", "pattern": {"String": ""}, "behavior": "Isolated", "#
                + #""invert": false,"#,
            "pre_tokenizer.pattern.String: the text to look for is empty"),
        Case(
            #"{"type": "ByteLevel","#, #"{"type": "Metaspace", "replacement": "__","#,
            "pre_tokenizer.replacement: a single character is expected"),
        Case(
            #""normalizer": null"#, #""normalizer": {"type": "Bert"}"#,
            "normalizer.type: 'Bert' is not supported; supported are BertNormalizer, ByteLevel,"),
        Case(
            #""normalizer": null"#,
            #""normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAA"}"#,
            "normalizer.precompiled_charsmap: is not valid base 64"),
        Case(
            #""normalizer": null"#,
            #""normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAEAAA=="}"#,
            "normalizer.precompiled_charsmap: is no map of characters"),
        Case(
            #""normalizer": null"#, #""normalizer": {"type": "Strip", "strip_left": true}"#,
            "normalizer.strip_right: is missing; true or false is expected"),
        Case(
            #""normalizer": null"#,
            #""normalizer": {"type": "Sequence", "#
                + #""normalizers": [{"type": "NFC"}, {"type": "Odd"}]}"#,
            "normalizer.normalizers[1].type: 'Odd' is not supported"),
        Case(
            #""post_processor": null"#, #""post_processor": {"type": "Odd"}"#,
            "post_processor.type: 'Odd' is not supported; supported are BertProcessing,"),
        Case(
            #""post_processor": null"#,
            #""post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": "#
                + #"{"id": "<s>"}}], "special_tokens": {}}"#,
            "post_processor.special_tokens.<s>.ids: is missing; an array is expected"),
        Case(
            #""post_processor": null"#,
            #""post_processor": {"type": "TemplateProcessing", "#
                + #""single": [{"Sequence": {"id": "B"}}]}"#,
            "post_processor.single[0].Sequence.id: a template for one sequence"),
        Case(#"["a b"]"#, #"["a  b"]"#, "model.merges[0]: two tokens with one space between them"),
        Case(#"["a b"]"#, #"["ab"]"#, "model.merges[0]: two tokens with one space between them"),
        Case(#"["a b"]"#, #"["a b", "a c"]"#, "model.merges[1]: 'c' is not in model.vocab"),
        Case(#"["a b"]"#, #"["b a"]"#, "model.merges[0]: 'ba' is not in model.vocab"),
        Case(
            #"["a b"]"#, #"[["a", "b", "c"]]"#, "model.merges[0]: 'a b' or ['a', 'b'] is expected"),
        Case(#"["a b"]"#, "7", "model.merges: an array is expected"),
        Case(
            #""ab": 2"#, #""ab": -2"#,
            "model.vocab[…]: a token id, from 0 to 2147483647, is expected"),
        Case(#""ab": 2"#, #""ab": 4294967296"#, "model.vocab[…]: a token id"),
        Case(#""ab": 2"#, #""a": 2"#, "found the key 'a' again"),
        Case(#""merges""#, #""dropout": 0.1, "merges""#, "model.dropout: only null is supported"),
        Case(
            #""merges""#, #""end_of_word_suffix": "</w>", "merges""#,
            "model.end_of_word_suffix: only null and '' are supported"),
        Case(
            #""merges""#, #""unk_token": "<unk>", "merges""#,
            "model.unk_token: model.vocab has no such token"),
        Case(
            #""added_tokens": []"#, #""added_tokens": [7]"#, "added_tokens[0].content: is missing"),
        Case(
            #""added_tokens": []"#,
            #""added_tokens": [\#(token), {"id": 4, "content": "<y>"}]"#,
            "added_tokens[1].single_word: is missing; true or false is expected"),
        Case(#""decoder": null,"#, #""decoder": null"#, "t.json"),
    ])
    func read_ofMalformed_namesFileAndField(malformed: Case) throws {
        #expect(Self.small.contains(malformed.old))
        let text = Self.small.replacing(malformed.old, with: malformed.new)
        let error = #expect(throws: DocumentError.self) {
            _ = try Tokenizer(Array(text.utf8), path: "t.json")
        }
        let message = try #require(error).description
        #expect(message.hasPrefix("t.json:"))
        #expect(message.contains(malformed.message), "\(message)")
        #expect(!message.contains("\n"))
        #expect(error?.exitCode == .data)
    }

    @Test(arguments: ["[]", "7", "{}", #"{"model": null}"#, "", "{\"model\": "])
    func read_ofSomethingElse_fails(text: String) {
        #expect(throws: DocumentError.self) { _ = try Tokenizer(Array(text.utf8), path: "t.json") }
    }

    /// What the library never refuses must not be refused here: unknown keys, truncation, padding.
    @Test func read_ofTruncationAndPadding_ignoresThem() throws {
        let text = Self.small.replacing(
            #""normalizer": null"#,
            with:
                #""normalizer": null, "truncation": {"max_length": 1}, "#
                + #""padding": {"a": 1}, "new": 2"#
        )
        let tokenizer = try Tokenizer(Array(text.utf8), path: "t.json")
        #expect(try tokenizer.encode("abba", addSpecialTokens: true) == [2, 1, 0])
    }

    /// A pattern that needs exponential time ends with an error, not with a hung job.
    @Test(.timeLimit(.minutes(1)))
    func encode_withRunawayPattern_fails() throws {
        let text = Self.small.replacing(
            #"{"type": "ByteLevel","#,
            with: #"{"type": "Split", "pattern": {"Regex": "(a|a|aa)+$"}, "behavior": "Isolated", "#
                + #""invert": false,"#)
        let tokenizer = try Tokenizer(Array(text.utf8), path: "t.json")
        let error = #expect(throws: DocumentError.self) {
            _ = try tokenizer.encode(
                String(repeating: "a", count: 60) + "b", addSpecialTokens: false)
        }
        #expect(
            try #require(error).description.contains("pre_tokenizer.pattern.Regex: cannot match"))
    }
}
