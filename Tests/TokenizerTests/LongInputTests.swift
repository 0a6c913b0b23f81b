import Documents
import TestSupport
import Testing

@testable import Tokenizer

/// Inputs that would take quadratic time, or more memory than the text, if done naively.
@Suite struct LongInputTests {
    @Test(.timeLimit(.minutes(1)), arguments: ["gpt2", "llama2", "mistral", "words-normalizer"])
    func encode_ofOneLongWord_isNotQuadratic(kind: String) throws {
        let tokenizer = try Fixture.tokenizer(kind)
        let short = try tokenizer.encode(String(repeating: "a", count: 64), addSpecialTokens: false)
        let long = try tokenizer.encode(
            String(repeating: "a", count: 200_000), addSpecialTokens: false)
        #expect(long.count > 200_000 / 64 * short.count / 2)
        #expect(Set(long).count <= 10)
    }

    @Test(
        .timeLimit(.minutes(1)), arguments: KindTests.kinds,
        ["a", "\u{2581}", " ", "\u{301}", "ab", "1", "\u{FDFA}", "\u{1F468}\u{200D}"])
    func encode_ofOnePartManyTimes_isNotQuadratic(_ kind: KindTests.Kind, _ part: String) throws {
        let tokenizer = try Tokenizer(JSON.encode(kind.tokenizer, indent: nil), path: kind.name)
        let text = String(repeating: part, count: 60_000)
        _ = try tokenizer.encode(text, addSpecialTokens: false)
    }

    /// Tokens that are long, and differ in their last bytes alone.
    @Test(.timeLimit(.minutes(1)))
    func unigram_ofLongTokens_isBounded() throws {
        func model(_ length: Int) throws -> UnigramModel {
            let tokens = (1...100).map { number in
                ([UInt8](repeating: 97, count: length - number), Double(-number))
            }
            return try UnigramModel(
                [([60], 0)] + tokens, unknownToken: 0, fallsBackToBytes: false,
                at: Field(file: "t", path: "model", node: nil))
        }
        #expect(throws: DocumentError.self) { try model(TokenModel.longestToken + 2) }
        var (tokens, nodes): ([Int32], [UnigramModel.Node]) = ([], [])
        let text = [UInt8](repeating: 97, count: 20_000)
        #expect(try model(TokenModel.longestToken).append(text.span, to: &tokens, &nodes))
        #expect(tokens.count < 10)
    }

    /// The double array against all prefixes, one after the other.
    @Test func trie_findsTheLongestToken() {
        var random = Seeded(4)
        let pieces = (0..<2000).map { value in
            let bytes = (0..<Int.random(in: 1...6, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random) & 0xC3
            }
            return (bytes: bytes, value: Int32(value))
        }
        let known = Dictionary(pieces.map { ($0.bytes, $0.value) }) { $1 }
        let trie = PieceTrie(pieces)
        for _ in 0..<5000 {
            let text = (0..<10).map { _ in UInt8.random(in: 0...255, using: &random) & 0xC3 }
            let expected = (1...10).last { known[Array(text[..<$0])] != nil }
            let found = trie.longest(in: text.span, from: 0)
            #expect(found?.end == expected)
            if let expected { #expect(found?.value == known[Array(text[..<expected])]) }
        }
        #expect(PieceTrie([]).longest(in: [0, 1].span, from: 0) == nil)
    }

    /// Words of up to 64 tokens and longer ones are merged by different code.
    @Test(arguments: [63, 64, 65, 66, 200])
    func merge_ofShortAndLongWords_isTheSame(count: Int) throws {
        let tokenizer = try Fixture.tokenizer("gpt2")
        var random = Seeded(UInt64(count))
        for _ in 0..<20 {
            let word = String((0..<count).map { _ in "etaoin".randomElement(using: &random)! })
            let tokens = try tokenizer.encode(word, addSpecialTokens: false)
            var expected: [Int32] = []
            guard case .bytePair(let model) = tokenizer.model else { continue }
            model.appendInitial(word.utf8Span.span, to: &expected)
            Self.mergeNaively(&expected, model.merges)
            #expect(tokens == expected, "\(word)")
        }
    }

    /// The definition: of all neighbours those with the lowest rank, from the left.
    private static func mergeNaively(_ tokens: inout [Int32], _ table: MergeTable) {
        while true {
            let merges = zip(tokens, tokens.dropFirst()).map { table[$0, $1] }
            guard let rank = merges.map(\.rank).min(), rank != .max,
                let index = merges.firstIndex(where: { $0.rank == rank })
            else { return }
            tokens.replaceSubrange(index...index + 1, with: [merges[index].token])
        }
    }

    @Test func encode_ofMoreWordsThanAreRemembered_isTheSame() throws {
        let tokenizer = try Fixture.tokenizer("gpt2")
        var encoder = Encoder(tokenizer)
        let words = (0..<140_000).map { " \(String($0, radix: 36))" }
        try encoder.add(words.joined().utf8Span, addSpecialTokens: false)
        let before = encoder.tokens.count
        try encoder.add(words[..<100].joined().utf8Span, addSpecialTokens: false)
        #expect(
            Array(encoder.tokens[before...])
                == Array(encoder.tokens[..<(encoder.tokens.count - before)]))
    }

    @Test(.timeLimit(.minutes(1)))
    func nfc_ofManyMarks_isNotQuadratic() {
        let marks = String(repeating: "\u{323}\u{301}", count: 50_000)
        let text = "a" + marks
        let composed = NormalForm.c.normalized(text.utf8Span.span)
        // ạ, then the other dots below, then all acutes.
        let expected =
            "\u{1EA1}" + String(repeating: "\u{323}", count: 49_999)
            + String(repeating: "\u{301}", count: 50_000)
        #expect(composed == Array(expected.utf8))
    }

    @Test(arguments: [0, 1, 2, 7, 100])
    func limit_givesThePrefix(limit: Int) throws {
        for kind in Fixture.kinds {
            let tokenizer = try Fixture.tokenizer(kind)
            let text = "It is a truth <|extra|> universally 1999 acknowledged, don't you know?\n\n"
            let all = try tokenizer.encode(text, addSpecialTokens: true)
            var encoder = Encoder(tokenizer, limit: limit)
            try encoder.add(text.utf8Span, addSpecialTokens: true)
            #expect(encoder.tokens == Array(all.prefix(limit)))
            #expect(encoder.isFull == (all.count >= limit))
        }
    }
}
