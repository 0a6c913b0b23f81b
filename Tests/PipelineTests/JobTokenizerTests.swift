import Documents
import Posix
import Testing

import Pipeline

/// What becomes of a model's tokenizer where the output is of another family.
/// `Tests/Reference/tokens_of_outputs.py` compares the tokens themselves.
struct JobTokenizerTests {
    private static let before = #"""
        {"version": "1.0",
        "added_tokens": [{"id": 0, "content": "<unk>"}, {"id": 1, "content": "<s>"},
        {"id": 2, "content": "</s>"}], "normalizer": null, "pre_tokenizer": null,
        "post_processor": {"type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}}]},
        "model": {"type": "BPE", "vocab": {}, "merges": []}}
        """#
    private static let ends =
        #"{"version": "1.0", "added_tokens": [{"id": 0, "content": "<|endoftext|>"}], "model": {}}"#
    private static let plain =
        #"{"version": "1.0", "added_tokens": [], "post_processor": null, "model": {}}"#

    private func run(_ family: String, _ files: [String: String]) throws -> Workplace {
        let place = try Workplace(family == "mistral" ? "mistral-window" : family)
        if family == "mistral" {
            try place.configure { $0.setting("sliding_window", to: .null) }
        }
        for (name, text) in files { try writeFile(place["model/\(name)"], Array(text.utf8)) }
        try place.run("prune: {}\n" + Workplace.calibration)
        return place
    }

    private static let relabelled: [(String, String, String?, String)] = [
        ("mistral", before, nil, "PreTrainedTokenizerFast"),
        ("mistral", before, "{}", "PreTrainedTokenizerFast"),
        ("mistral", before, #"{"tokenizer_class": "LlamaTokenizer"}"#, "PreTrainedTokenizerFast"),
        (
            "mistral", before,
            #"{"tokenizer_class": "LlamaTokenizerFast", "add_bos_token": true, "legacy": false}"#,
            "PreTrainedTokenizerFast"
        ),
        ("mistral", ends, #"{"tokenizer_class": "GPT2Tokenizer"}"#, "PreTrainedTokenizerFast"),
        (
            "mistral", plain, #"{"tokenizer_class": "PreTrainedTokenizerFast"}"#,
            "PreTrainedTokenizerFast"
        ),
        ("qwen2", plain, nil, "Qwen2Tokenizer"),
        ("qwen2", plain, #"{"tokenizer_class": "Qwen2TokenizerFast"}"#, "Qwen2Tokenizer"),
        ("qwen2", ends, #"{"tokenizer_class": "PreTrainedTokenizerFast"}"#, "Qwen2Tokenizer"),
    ]

    @Test(arguments: relabelled)
    func relabelled_namesTheClassThatKeepsTheTokens(
        _ family: String, _ file: String, _ settings: String?, _ expected: String
    ) throws {
        var files = ["tokenizer.json": file]
        files["tokenizer_config.json"] = settings
        let place = try run(family, files)
        #expect(try place.json("out/config.json")["model_type"]?.string == "llama")
        let written = try place.json("out/tokenizer_config.json")
        #expect(written["tokenizer_class"]?.string == expected)
        let given = try settings.map { try JSON.parse(Array($0.utf8), file: "") } ?? .object([:])
        // All else is as it was.
        #expect(
            text(written.removing("tokenizer_class")) == text(given.removing("tokenizer_class")))
        #expect(
            try readFile(place["out/tokenizer.json"]) == readFile(place["model/tokenizer.json"]))
    }

    private static let kept: [(String, [String: String], String)] = [
        ("mistral", ["tokenizer.json": plain], "adds <unk>"),
        (
            "mistral",
            [
                "tokenizer.json": plain,
                "tokenizer_config.json":
                    #"{"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}"#,
            ], "special tokens around"
        ),
        (
            "qwen2",
            [
                "tokenizer.json": plain,
                "tokenizer_config.json": #"{"tokenizer_class": "PreTrainedTokenizerFast"}"#,
            ], "adds <|endoftext|>"
        ),
        (
            "mistral",
            ["tokenizer.json": before, "tokenizer_config.json": #"{"add_bos_token": false}"#],
            "special tokens around"
        ),
        (
            "mistral",
            ["tokenizer.json": before, "tokenizer_config.json": #"{"bos_token": "<x>"}"#],
            "special tokens around"
        ),
        ("mistral", ["tokenizer.json": before, "tekken.json": "{}"], "tekken.json"),
        ("mistral", ["tokenizer.model": "x"], "no tokenizer.json"),
        (
            "mistral",
            ["tokenizer.json": before, "tokenizer_config.json": #"{"fix_mistral_regex": true}"#],
            "fix_mistral_regex"
        ),
        (
            "qwen2",
            ["tokenizer.json": plain, "tokenizer_config.json": #"{"auto_map": {"x": "y"}}"#],
            "auto_map"
        ),
        ("qwen2", ["tokenizer.json": plain, "tokenizer_config.json": "[]"], "an object"),
        (
            "qwen2",
            [
                "tokenizer.json": ends,
                "tokenizer_config.json":
                    #"{"tokenizer_class": "LlamaTokenizerFast", "bos_token": "<|endoftext|>", "#
                    + #""eos_token": "<|endoftext|>", "unk_token": null}"#,
            ], "special tokens around"
        ),
        (
            "mistral",
            [
                "tokenizer.json": before, "tokenizer.model": "x",
                "tokenizer_config.json": #"{"add_prefix_space": true}"#,
            ], "tokenizer.model"
        ),
    ]

    @Test(arguments: kept)
    func family_staysWhereNoClassKeepsTheTokens(
        _ family: String, _ files: [String: String], _ word: String
    ) throws {
        let place = try run(family, files)
        #expect(try place.json("out/config.json")["model_type"]?.string == family)
        for (name, text) in files {
            #expect(try readFile(place["out/\(name)"]) == Array(text.utf8))
        }
        let reasons = try place.layers().values.compactMap { $0["reason"]?.string }
        #expect(!reasons.isEmpty)
        #expect(reasons.allSatisfy { $0.contains(word) && $0.contains("tokens would change") })
    }

    @Test func relabelled_withoutTokenizer_getsNone() throws {
        let place = try run("mistral", [:])
        #expect(try place.json("out/config.json")["model_type"]?.string == "llama")
        #expect(try !place.files("out").contains("tokenizer_config.json"))
    }
}
