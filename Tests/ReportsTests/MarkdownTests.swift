import Testing

@testable import Reports

/// Strangers' text in a model card stays text.
struct MarkdownTests {
    @Test(arguments: [
        ("tiny-llama", "tiny-llama"), ("Qwen2.5 0.5B", "Qwen2.5 0.5B"), ("été_1", "été_1"),
        ("a`b", "`` a`b ``"), ("``", "``` `` ```"), ("<b>x</b>", "`<b>x</b>`"),
        ("[a](http://b)", "`[a](http://b)`"), ("a\n---\nb: c", "`a\\u{a}---\\u{a}b: c`"),
        ("www.a.org", "`www.a.org`"), ("a@b.c", "`a@b.c`"), ("a|b", "`a\\u{7c}b`"),
        ("- a", "`- a`"), ("1. a", "`1. a`"), ("_a_", "`_a_`"), ("\u{202E}a", "`\\u{202e}a`"),
        ("", "(nothing)"),
    ])
    func name_isPlainOrCode(_ name: String, _ shown: String) {
        #expect(Markdown.name(name) == shown)
    }

    @Test func code_hasNoEndInItself() {
        for text in ["`", "a``b`", "```", " a", "a ", "a|`|b", "\u{1b}[2J`\n```html"] {
            let code = Markdown.code(text)
            let fence = code.prefix { $0 == "`" }
            let inside = code.dropFirst(fence.count).dropLast(fence.count)
            #expect(code.hasSuffix(fence) && !inside.contains(fence))
            #expect(!code.contains("\n") && !code.contains("|") && !code.contains("\u{1b}"))
        }
    }
}
