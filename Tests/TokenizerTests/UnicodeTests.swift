import Expressions
import TestSupport
import Testing

@testable import Tokenizer

@Suite struct UnicodeTests {
    /// Counted with the library, scalar by scalar.
    @Test func classes_haveTheLibrarysSizes() {
        var counts: [UInt16: Int] = [:]
        let classes = ScalarClasses.shared
        for value in UInt32(0)..<0x110000 {
            for bit in [
                ScalarClasses.letter, ScalarClasses.number, ScalarClasses.space,
                ScalarClasses.newline, ScalarClasses.digit,
            ] where classes.of(value) & bit != 0 {
                counts[bit, default: 0] += 1
            }
        }
        #expect(counts[ScalarClasses.letter] == 141_028)
        #expect(counts[ScalarClasses.number] == 1911)
        #expect(counts[ScalarClasses.digit] == 1924)
        #expect(counts[ScalarClasses.space] == 25)
        #expect(counts[ScalarClasses.newline] == 2)
    }

    /// The hand-written scanners against Oniguruma with the same patterns, on random text of
    /// scalars that both know.
    @Test(arguments: [
        WordScanner.gpt2Pattern, WordScanner.markedPattern, WordScanner.o200kPattern,
        WordScanner.tekkenPattern,
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"#
            + #" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#,
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"#
            + #" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#,
    ])
    func scanner_agreesWithOniguruma(pattern: String) throws {
        let scanner = try #require(WordScanner(pattern: pattern))
        let expression = try RegularExpression(pattern)
        var random = Seeded(9)
        let alphabet = Array(
            ("aaZZſsStTrReEvVmMlLdDǅʰ'''''//  "
                + "\t\r\n\u{85}\u{A0}\u{3000}\u{2028}019½٣.,!_-é\u{301}\u{301}日日🚀")
                .unicodeScalars)
        for _ in 0..<3000 {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 1...24, using: &random) {
                text.append(alphabet.randomElement(using: &random)!)
            }
            let string = String(text)
            let span = string.utf8Span.span
            var start = 0
            while start < span.count {
                let end = scanner.end(in: span, from: start)
                let match = try expression.match(in: span, from: start)
                #expect(match == start..<end, "\(string.debugDescription)")
                start = end
            }
        }
    }

    @Test(arguments: [
        ("cafe\u{301}", "caf\u{E9}"), ("A\u{30A}", "\u{C5}"), ("\u{212B}", "\u{C5}"),
        ("\u{1E9B}\u{323}", "\u{1E9B}\u{323}"),
        ("A\u{308}\u{301}\u{323}", "\u{1EA0}\u{308}\u{301}"),
        ("\u{1100}\u{1161}\u{11A8}", "\u{AC01}"), ("\u{AC00}\u{11A8}", "\u{AC01}"),
        ("\u{958}", "\u{915}\u{93C}"), ("\u{344}", "\u{308}\u{301}"),
        ("\u{D4}\u{E9}plain", "\u{D4}\u{E9}plain"), ("\u{1D15E}", "\u{1D157}\u{1D165}"),
        // Assigned after Unicode 9.0: left alone, as the library leaves them.
        ("\u{11935}\u{11930}", "\u{11935}\u{11930}"), ("a\u{1DF6}\u{323}", "a\u{1DF6}\u{323}"),
    ])
    func nfc_isThatOfTheLibrary(text: String, expected: String) {
        let composed = NormalForm.c.normalized(text.utf8Span.span) ?? Array(text.utf8)
        #expect(composed == Array(expected.utf8))
    }
}
