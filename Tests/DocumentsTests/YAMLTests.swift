import Documents
import Testing

@Suite struct YAMLTests {
    private func parse(_ text: String) throws -> Node {
        try YAML.parse(Array(text.utf8), file: "x.yaml")
    }

    /// The core schema's own examples and what lies just beside them.
    @Test(
        arguments: [
            ("null", .null), ("~", .null), ("NULL", .null), ("nULL", .string("nULL")),
            ("true", .bool(true)), ("FALSE", .bool(false)), ("tRUE", .string("tRUE")),
            ("yes", .string("yes")), ("on", .string("on")), ("n", .string("n")),
            ("0", .integer(0)), ("-0", .integer(0)), ("+12", .integer(12)), ("-19", .integer(-19)),
            ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
            ("0x3A", .integer(58)), ("0X3A", .string("0X3A")), ("-0x3A", .string("-0x3A")),
            ("0x", .string("0x")), ("0o8", .string("0o8")), ("0b1", .string("0b1")),
            ("1_000", .string("1_000")), ("1,000", .string("1,000")),
            ("0.", .number(0)), ("-0.0", .number(-0.0)), (".5", .number(0.5)),
            ("+.5", .number(0.5)),
            ("+12e03", .number(12000)), ("-2E+05", .number(-200_000)), ("12.e1", .number(120)),
            ("1e-5", .number(1e-5)), (".", .string(".")), ("1e", .string("1e")),
            ("1e+", .string("1e+")), (".e1", .string(".e1")), ("1.2.3", .string("1.2.3")),
            ("1.5GiB", .string("1.5GiB")), ("2:4", .string("2:4")),
            ("12:30:45", .string("12:30:45")),
            ("2024-01-01", .string("2024-01-01")), ("08:30", .string("08:30")),
            ("007a", .string("007a")),
            (".inf", .number(.infinity)), ("-.INF", .number(-.infinity)),
            ("+.Inf", .number(.infinity)),
            ("inf", .string("inf")), ("nan", .string("nan")), ("-.nan", .string("-.nan")),
            ("'1'", .string("1")), ("\"true\"", .string("true")), ("''", .string("")),
            ("\"\\u00e9\\x41\\t\"", .string("é\u{41}\t")), ("'it''s'", .string("it's")),
            ("a b  c", .string("a b  c")), ("a #b", .string("a")), ("a#b", .string("a#b")),
            ("|\n   x\n   \ty\n", .string("x\n\ty\n")), (">-\n  x\n  y\n", .string("x y")),
            ("é😀", .string("é😀")), ("[]", .array([])), ("{}", .object([])),
        ] as [(String, Node.Value)]) func parse_values(_ text: String, _ value: Node.Value) throws
    {
        for prefix in ["k: ", "? k\n: ", "---\nk:  "] {
            let node = try #require(try parse(prefix + text)["k"])
            #expect(node.value == value)
        }
    }

    @Test func parse_nan() throws {
        #expect(try parse("k: .NaN")["k"]?.double?.isNaN == true)
    }

    @Test(arguments: [
        ("00", "leading zero"), ("-01", "leading zero"), ("08", "leading zero"),
        ("00.5", "leading zero"), ("01e3", "leading zero"), ("0o7", "octal"),
        ("9223372036854775808", "too large"), ("-9223372036854775809", "too large"),
        ("0x8000000000000000", "too large"), ("1e309", "too large"), ("-1.5e400", "too large"),
    ]) func parse_numbersThatAreNone(_ text: String, _ words: String) throws {
        let error = try #require(throws: DocumentError.self) { try parse("k:\n  - \(text)") }
        #expect(error.reason.contains("'\(text)'") && error.reason.contains(words), "\(error)")
        #expect(error.position == Node.Position(line: 2, column: 5))
        #expect(try parse("k: '\(text)'")["k"]?.string == text)
    }

    @Test(arguments: ["\n", "\r\n", "\r"]) func parse_positions(_ newline: String) throws {
        let lines = ["# é", "é: [1, '😀', x]", "b:", "  - c: 1", "    d: 2", "  - null"]
        let node = try parse("\u{FEFF}" + lines.joined(separator: newline))
        let members = try #require(node.members)
        #expect(members.map(\.key) == ["é", "b"])
        #expect(members.map(\.position) == [.init(line: 2, column: 1), .init(line: 3, column: 1)])
        #expect(members[0].value.array?.map(\.position.column) == [5, 8, 13])
        let inner = try #require(members[1].value.array?[0].members)
        #expect(inner[1].position == Node.Position(line: 5, column: 5))
        #expect(inner[1].value.position == Node.Position(line: 5, column: 8))
    }

    @Test(arguments: [("[", "]"), ("{a: ", "}")]) func parse_depth(_ open: String, _ close: String)
        throws
    {
        let text = {
            String(repeating: open, count: $0) + "1" + String(repeating: close, count: $0)
        }
        _ = try parse(text(32))
        let error = try #require(throws: DocumentError.self) { try parse(text(33)) }
        #expect(error.reason == "nested too deeply; expected at most 32 levels")
    }

    @Test func parse_keysAreComparedByTheirBytes() throws {
        #expect(try parse("{é: 1, e\u{301}: 2}").members?.count == 2)
        let error = try #require(throws: DocumentError.self) { try parse("{é: 1, é: 2}") }
        #expect(error.position == Node.Position(line: 1, column: 8))
    }

    @Test(arguments: ["\u{85}", "\u{2028}", "\u{2029}"])
    func parse_unicodeLineSeparators(_ separator: String) throws {
        let error = try #require(throws: DocumentError.self) { try parse("a: b\(separator)c: d") }
        #expect(error.reason.contains("Unicode line separator"))
        #expect(error.position == Node.Position(line: 1, column: 5))
    }

    /// What JSON can say, YAML reads the same.
    @Test(arguments: 0..<30) func parse_readsJSON(seed: UInt64) throws {
        var source = RandomNodes(seed: seed, isPlain: true)
        let node = source.node(depth: 0)
        guard node.members != nil || node.array != nil else { return }
        for indent in [nil, 2] {
            let text = JSON.encode(node, indent: indent)
            #expect(RandomNodes.same(try YAML.parse(text, file: "x.yaml"), node))
        }
    }
}
