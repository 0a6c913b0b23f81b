import Documents
import TestSupport
import Testing

@testable import Tokenizer

/// What a file is, by its name and its first bytes.
@Suite struct TextKindTests {
    private func documents(_ name: String, _ bytes: [UInt8]) throws -> [String] {
        try Fixture.withFile(name, bytes) { (path: String) throws in
            var result: [String] = []
            try TextSource(path: path).forEachDocument { text in
                result.append(String(copying: text))
                return true
            }
            return result
        }
    }

    private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

    @Test(arguments: [
        "a.json", "a.jsonl", "a.ndjson", "a.jsonlines", "a.JSONL", "a.Json", "c4-train.00000.json",
    ])
    func lines_areKnownByName(_ name: String) throws {
        let text = Array("{\"text\": \"one\", \"url\": \"x\"}\n{\"text\": \"two\"}\n".utf8)
        #expect(try documents(name, text) == ["one", "two"])
        #expect(try documents(name, Self.mark + text) == ["one", "two"])
    }

    @Test(arguments: ["a.txt", "a", "a.raw"])
    func byteOrderMark_isNoText(_ name: String) throws {
        #expect(try documents(name, Self.mark + Array("ab".utf8)) == ["ab"])
        #expect(try documents(name, Self.mark) == [""])
        #expect(try documents(name, Array("a".utf8)) == ["a"])
        // It is one only at the start.
        #expect(try documents(name, Array("a".utf8) + Self.mark) == ["a\u{FEFF}"])
    }

    @Test(
        arguments: [
            ("a.txt", [0xFF, 0xFE, 0x61, 0], "UTF-16"), ("a.jsonl", [0xFE, 0xFF, 0], "UTF-16"),
            ("a.txt", [0xFF, 0xFE, 0, 0, 0x61, 0, 0, 0], "UTF-32"),
            ("a.csv", Array("text\nabc\n".utf8), ".csv"), ("a.TSV.gz", [0], ".tsv"),
            ("a.txt", Array("PAR1abc".utf8), "Parquet"), ("a", [0x28, 0xB5, 0x2F, 0xFD], "zstd"),
            ("a.jsonl.xz", [1], ".xz"), ("a.jsonl", Array("PK\u{3}\u{4}".utf8), "zip"),
            ("a.txt", Array("version https://git-lfs.github.com/spec/v1\n".utf8), "git lfs pull"),
            ("a.jsonl", Array("\n<!DOCTYPE html><html>".utf8), "HTML"),
            ("a.json", Array("[\n{\"text\": \"a\"}]".utf8), "one JSON document"),
            ("a.json", Array("{\n  \"text\": \"a\"\n}".utf8), "one JSON document"),
            ("a.json", Array("{\"text\":\n \"a\"}".utf8), "on one line"),
            ("a.txt", Array("{\"text\": \"a\"}\n\n{\"text\": \"b\"}\n".utf8), "name it .jsonl"),
            ("a", Array("{\"t\": 1}".utf8), "name it .jsonl"),
            (
                "a.txt", Array("{\"text\": \"\(String(repeating: "x", count: 100_000))\"}".utf8),
                "name it .jsonl"
            ),
        ] as [(String, [UInt8], String)])
    func otherKinds_areRefusedByName(_ name: String, _ bytes: [UInt8], _ word: String) throws {
        let error = #expect(throws: DocumentError.self) { try documents(name, bytes) }
        #expect(try #require(error).description.contains(word))
        #expect(error?.exitCode == .data)
    }

    @Test func textWithBraces_isText() throws {
        for text in ["{ is a brace\n", "{\"a\": 1}\nand text\n", "[x] done", "{}", "{a: 1}"] {
            #expect(try documents("a.txt", Array(text.utf8)) == [text])
        }
    }

    /// In pieces, whatever the tokenizer and wherever a text is cut, tokens are those of the whole.
    @Test(arguments: Fixture.kinds)
    func pieces_haveTheTokensOfTheWhole(_ kind: String) throws {
        let tokenizer = try Fixture.tokenizer(kind)
        guard let cuts = tokenizer.cuts else { return }
        var random = Seeded(7)
        let parts = [
            " the", "a", " ", "\n", "é", " été", "12", " 3", "don't", "  ", "\t", "▁",
            "<|extra|>", "</s>", "<s>", "日本", "'s", ".", "Ünder", "\u{301}", " \u{301}",
            "🚀", "\n\n", "word",
        ]
        for _ in 0..<200 {
            let text = (0..<60).map { _ in parts.randomElement(using: &random)! }.joined()
            let bytes = Array(text.utf8)
            let whole = try tokenizer.encode(text, addSpecialTokens: true)
            var encoder = Encoder(tokenizer)
            var start = 0
            let size = Int.random(in: 1...40, using: &random)
            while true {
                let end = cuts.last(in: bytes.span, from: start, to: start + size)
                let piece = try UTF8Span(validating: bytes.span.extracting(start..<end))
                try encoder.add(
                    piece, addSpecialTokens: true, isStart: start == 0, isEnd: end == bytes.count)
                if end == bytes.count { break }
                start = end
            }
            #expect(encoder.tokens == whole, "\(text)")
        }
    }

    @Test func mostTokenizers_canBeReadInPieces() throws {
        let cut = try Fixture.kinds.filter { try Fixture.tokenizer($0).cuts != nil }
        #expect(cut.contains("gpt2") && cut.contains("llama3"))
    }

    /// Read from a file, piece by piece, with line ends of Windows at all places.
    @Test(arguments: ["gpt2", "llama3", "llama2", "mistral"])
    func longText_hasTheTokensOfTheWhole(_ kind: String) throws {
        let tokenizer = try Fixture.tokenizer(kind)
        var random = Seeded(3)
        let words = ["the", " word", "\r\n", " été", "\r", " 12", "x", " and", "\n"]
        let text = (0..<700_000).map { _ in words.randomElement(using: &random)! }.joined()
        // By scalars: to Swift CR LF is one character, also where it comes of two replacements.
        var unified = String.UnicodeScalarView()
        var isBehindReturn = false
        for scalar in text.unicodeScalars {
            if !(isBehindReturn && scalar == "\n") {
                unified.append(scalar == "\r" ? "\n" : scalar)
            }
            isBehindReturn = scalar == "\r"
        }
        let whole = try tokenizer.encode(String(unified), addSpecialTokens: true)
        try Fixture.withFile("a.txt", Array(text.utf8)) { (path: String) throws in
            var pieces = 0
            var tokens: [Int32] = []
            try TextSource(path: path).forEachPiece(with: tokenizer) { piece in
                pieces += 1
                tokens += piece
                return true
            }
            #expect(tokens == whole)
            if tokenizer.cuts != nil { #expect(pieces > 1) }
        }
    }

    @Test func pattern_stopsWhenItIsTold() throws {
        let tokenizer = try Fixture.tokenizer("gpt2")
        struct Told: Error {}
        _ = try Fixture.withFile("a.txt", Array("a b c".utf8)) { (path: String) throws in
            #expect(throws: Told.self) {
                try TextSource(path: path, check: { throw Told() }).tokens(with: tokenizer)
            }
        }
    }
}
