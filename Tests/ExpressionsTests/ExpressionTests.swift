import Testing

@testable import Expressions

/// Patterns of strangers take a bounded number of steps, to compile and to match.
struct ExpressionTests {
    private func find(_ pattern: String, _ text: String, steps: Int = 100_000) throws -> Bool {
        try RegularExpression(pattern, .perl, bytes: 1000, parts: 10_000)
            .match(in: text.utf8Span.span, from: 0, steps: steps) != nil
    }

    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            "(.*)*x", "(a|a|aa)+$", "(a+)+$", "(?:.*.*.*.*.*.*)+x", "((a*)*)*b", "(?=(a+)+b)",
            #"(a*)*\1x"#, "(?<n>a|b|\\g<n>\\g<n>)+x",
        ])
    func match_thatRunsAway_ends(_ pattern: String) {
        #expect(throws: ExpressionError.self) {
            let text = String(repeating: "a", count: 60) + "b" + String(repeating: "a", count: 60)
            // What can be told at once may be told.
            _ = try find(pattern, text + "c")
            throw ExpressionError("told")
        }
    }

    @Test(arguments: [
        "(a{1000}){1000}", "((a{100}){100}){100}", "(?:){100000}(?:(?:){10000}){10000}",
        "(a{0,1000}){5,20}", "a{100}{1000}", #"((\p{L}[a-z]){200}){60}"#,
        String(repeating: "a", count: 1001),
    ])
    func pattern_thatIsTooLarge_isRefused(_ pattern: String) {
        #expect(throws: ExpressionError.self) { try find(pattern, "a") }
    }

    @Test(
        arguments: [
            ("a{3}", 3), ("(ab){4}c", 9), (#"\p{N}{1,3}"#, 3), ("[]{9}]{2}", 2), (#"a\{9}"#, 4),
            ("a{x}", 4), ("(a|b{2}){3,}", 9), ("a{2}{3}", 6), ("a{,5}", 5), ("a+b*c?", 3),
        ] as [(String, Int)])
    func parts_areCounted(_ pattern: String, _ parts: Int) {
        #expect(Repetitions.parts(of: Array(pattern.utf8)) == parts)
    }

    /// How many characters match, as Oniguruma 6.9.10 has it: of Unicode 16.0, whatever the system
    /// library knows. Counted with the tokenizers library 0.23.3.
    @Test(
        arguments: [
            (#"\p{N}"#, 1911), (#"\p{L}"#, 141028), (#"\p{Letter}"#, 141028), (#"\d"#, 760),
            (#"[\d]"#, 760), (#"\p{P}"#, 855), (#"\p{M}"#, 2501), (#"\p{Lu}"#, 1858),
            (#"\p{Ll}"#, 2258), (#"\w"#, 144671), (#"\p{Han}"#, 99030),
            (#"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#, 141271), (#"\P{L}"#, 1112064 - 141028),
            (#"[^\p{^L}]"#, 141028), (#"\W"#, 1112064 - 144671), (#"\\d"#, 0),
        ] as [(String, Int)])
    func properties_areOfUnicode16(_ pattern: String, _ count: Int) throws {
        let expression = try RegularExpression(pattern)
        var found = 0
        for value in UInt32(0)...0x10_FFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let text = String(scalar)
            if try expression.match(in: text.utf8Span.span, from: 0) != nil { found += 1 }
        }
        #expect(found == count)
    }

    /// What manifests have, and Swift's own engine, which matched them before; but a word ends at a
    /// dot, as it does for Perl.
    @Test(arguments: [
        ".*", "lm_head", #"layers\.(0|1)\."#, "down_proj$", #"^model\.layers\.[0-9]+\.mlp"#,
        #"(?i)MLP"#, #"^(?!.*down).*proj"#, #"layers\.\d{1,2}\.self_attn\.(?:q|k)_proj"#,
        #"\bmlp\b"#, #"[^.]+_proj$"#, "q_proj|k_proj", #"\w+\.1\."#, #"\b1\b"#, #"\bproj"#,
    ])
    func match_isThatOfSwift(_ pattern: String) throws {
        let swift = try Regex(pattern).wordBoundaryKind(.simple)
        for block in [0, 1, 10, 31] {
            for part in ["mlp.down_proj", "mlp.up_proj", "self_attn.q_proj", "self_attn.k_proj"] {
                let name = "model.layers.\(block).\(part)"
                #expect(try find(pattern, name) == (name.firstMatch(of: swift) != nil), "\(name)")
            }
        }
    }

    /// What Swift's engine has not, or has otherwise.
    @Test(
        arguments: [
            (#"(?<=mlp\.)up"#, "layers.0.mlp.up_proj", true),
            (#"(?<=mlp\.)up"#, "layers.0.attn.up_proj", false),
            (#"(?<!mlp\.)up"#, "layers.0.mlp.up_proj", false),
            (#"\bmlp\b"#, "layers.0.mlp.up_proj", true),
            (#"\bmlp\b"#, "layers.0.mlp_2.up_proj", false),
        ] as [(String, String, Bool)])
    func match_isThatOfPerl(_ pattern: String, _ name: String, _ isFound: Bool) throws {
        #expect(try find(pattern, name) == isFound)
    }
}
