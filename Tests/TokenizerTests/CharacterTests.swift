import CZlib
import Documents
import TestSupport
import Testing

@testable import Tokenizer

/// What normalizers and classes make of every character, and of many pairs, triples and quadruples
/// of them, as checksums that `Tests/Reference/tokenizer_kinds.py` wrote.
@Suite struct CharacterTests {
    struct Check: Sendable, CustomTestStringConvertible {
        let name: String
        let step: Node
        let sum: Int

        var testDescription: String { name }
    }

    static let root = (try? Fixture.node("unicode.json")) ?? .null
    static let checks = (root["normalizers"]?.members ?? []).map { member in
        Check(
            name: member.key, step: member.value["step"] ?? .null,
            sum: member.value["sum"]?.integer ?? -1)
    }

    @Test func checks_areThere() { #expect(Self.checks.count >= 10) }

    private static var characters: some Sequence<Unicode.Scalar> {
        (UInt32(0)..<0x110000).lazy.compactMap { Unicode.Scalar($0) }
    }

    private static func add(_ bytes: [UInt8], to sum: inout UInt) {
        sum = bytes.withUnsafeBufferPointer { crc32(sum, $0.baseAddress, UInt32($0.count)) }
    }

    @Test(arguments: checks)
    func characters_becomeWhatTheLibraryMakesOfThem(_ check: Check) throws {
        let normalizer = try Normalizer(Field(file: check.name, path: "", node: check.step))
        let close = try #require(Self.root["close"]?.array).flatMap { range in
            let ends = (range.array ?? []).compactMap(\.integer)
            return Array(ends[0]..<ends[1])
        }
        var sum: UInt = 0
        func add(_ text: [UInt8]) throws {
            Self.add((try normalizer.normalized(text.span) ?? text) + [1], to: &sum)
        }
        for character in Self.characters { try add(Array(String(character).utf8)) }
        var random = Seeded(7)
        for number in 0..<100_000 {
            var text: [UInt8] = []
            for _ in 0..<(2 + number % 3) {
                let drawn = random.next()
                let index = Int(truncatingIfNeeded: drawn >> 8)
                text.append(
                    scalar: UInt32(drawn & 3 == 0 ? index % 0x30000 : close[index % close.count]))
            }
            try add(text)
        }
        #expect(Int(sum) == check.sum)
    }

    /// The number of pieces of every character and the next one, and of random strings.
    @Test func scripts_areTheLibrarys() throws {
        let text = """
            {"model": {"type": "WordLevel", "vocab": {"u": 0}, "unk_token": "u"},
            "pre_tokenizer": {"type": "UnicodeScripts"}}
            """
        var encoder = Encoder(try Tokenizer(Array(text.utf8), path: "scripts"))
        var texts = Self.characters.map { character in
            var pair = Array(String(character).utf8)
            pair.append(scalar: character.value + 1)
            return pair
        }
        var random = Seeded(11)
        for number in 0..<200_000 {
            var text: [UInt8] = []
            for _ in 0..<(2 + number % 3) {
                let index = Int(truncatingIfNeeded: random.next() >> 8)
                text.append(scalar: UInt32(index % (number % 2 == 0 ? 0x3100 : 0x20000)))
            }
            texts.append(text)
        }
        var counts: [UInt8] = []
        for text in texts {
            let tokens = try encoder.encode(
                UTF8Span(validating: text.span), addSpecialTokens: false)
            counts.append(UInt8(tokens.count))
        }
        var sum: UInt = 0
        Self.add(counts, to: &sum)
        #expect(Int(sum) == Self.root["scripts"]?.integer)
    }

    @Test func classes_areTheLibrarys() throws {
        let kinds =
            ScalarClasses.space | ScalarClasses.digit | ScalarClasses.punctuation
            | ScalarClasses.word
        let classes = Self.characters.map { UInt8(ScalarClasses.shared.of($0.value) & kinds) }
        var sum: UInt = 0
        Self.add(classes, to: &sum)
        #expect(Int(sum) == Self.root["classes"]?.integer)
    }
}
