import Documents
import Testing

/// One line of JSON that is refused, the column of the error and words that it must contain.
struct BrokenJSON: CustomTestStringConvertible, Sendable {
    let text: String
    let column: Int
    let words: String

    init(_ text: String, _ column: Int, _ words: String) {
        self.text = text
        self.column = column
        self.words = words
    }

    var testDescription: String { String(text.prefix(40)) }

    static let all = [
        BrokenJSON("", 1, "the end of the document"),
        BrokenJSON("  ", 3, "the end of the document"),
        BrokenJSON("[1,]", 4, "found ']'; expected a value"),
        BrokenJSON("[,1]", 2, "found ','"),
        BrokenJSON("[1,,2]", 4, "found ','"),
        BrokenJSON("[1 2]", 4, "expected ',' or ']'"),
        BrokenJSON("[1", 3, "the end of the document"),
        BrokenJSON("]", 1, "found ']'"),
        BrokenJSON("[1]]", 4, "expected nothing after"),
        BrokenJSON("[1] x", 5, "found 'x'; expected nothing"),
        BrokenJSON("[1]//", 4, "found '/'"),
        BrokenJSON("{\"a\":1,}", 8, "expected a key"),
        BrokenJSON("{a:1}", 2, "found 'a'; expected a key in double quotes"),
        BrokenJSON("{'a':1}", 2, "found '''"),
        BrokenJSON("{\"a\" 1}", 6, "expected ':'"),
        BrokenJSON("{\"a\"}", 5, "expected ':'"),
        BrokenJSON("{\"a\":}", 6, "expected a value"),
        BrokenJSON("{1:1}", 2, "expected a key"),
        BrokenJSON("{\"a\":1 \"b\":2}", 8, "expected ',' or '}'"),
        BrokenJSON("{\"a\":1,\"a\":2}", 8, "found the key 'a' again; it stands in line 1"),
        BrokenJSON("{\"a\":1,\"\\u0061\":2}", 8, "'a' again"),
        BrokenJSON("[{\"é\":1,\"é\":1}]", 9, "again"),
        BrokenJSON("tru", 1, "found 'tru'"),
        BrokenJSON("True", 1, "found 'True'; expected a value"),
        BrokenJSON("nul", 1, "found 'nul'"),
        BrokenJSON("truex", 5, "found 'x'; expected nothing"),
        BrokenJSON("NaN", 1, "found 'NaN'"),
        BrokenJSON("Infinity", 1, "found 'Infinity'"),
        BrokenJSON("-Infinity", 2, "expected a digit"),
        BrokenJSON("01", 1, "leading zero"),
        BrokenJSON("-01", 1, "leading zero"),
        BrokenJSON("00", 1, "leading zero"),
        BrokenJSON("+1", 1, "found '+'"),
        BrokenJSON("-", 2, "expected a digit"),
        BrokenJSON(".5", 1, "found '.'"),
        BrokenJSON("1.", 3, "expected a digit"),
        BrokenJSON("1.e3", 3, "expected a digit"),
        BrokenJSON("1e", 3, "expected a digit"),
        BrokenJSON("1e+", 4, "expected a digit"),
        BrokenJSON("0x10", 2, "found 'x'"),
        BrokenJSON("1_000", 2, "found '_'"),
        BrokenJSON("1e999", 1, "beyond"),
        BrokenJSON("\"abc", 1, "inside a string"),
        BrokenJSON("\"a\tb\"", 3, "control characters"),
        BrokenJSON("\"a\u{0}b\"", 3, "found '\\u{0}'"),
        BrokenJSON("\u{0}", 1, "found '\\u{0}'"),
        BrokenJSON("\"\\x41\"", 3, "found 'x'; expected one of"),
        BrokenJSON("\"\\u12g4\"", 6, "four hexadecimal digits"),
        BrokenJSON("\"\\u00\"", 6, "four hexadecimal digits"),
        BrokenJSON("\"\\ud800\"", 2, "found \\ud800, half of a surrogate pair"),
        BrokenJSON("\"\\udc00\"", 2, "half of a surrogate pair"),
        BrokenJSON("\"\\ud800\\u0041\"", 2, "half of a surrogate pair"),
        BrokenJSON("\"\\udbff\\ud800\"", 2, "half of a surrogate pair"),
        BrokenJSON("\"\\", 3, "the end of the document"),
        BrokenJSON("\u{FEFF}[]", 1, "byte order mark"),
        BrokenJSON("[\u{A0}1]", 2, "found"),
        BrokenJSON(String(repeating: "[", count: 100_000), 65, "at most 64 levels"),
        BrokenJSON(String(repeating: "{\"a\":", count: 70), 321, "at most 64 levels"),
        BrokenJSON("[\"a", 2, "inside a string"),
    ]
}

@Suite struct JSONTests {
    private func parse(_ text: String) throws -> Node {
        try JSON.parse(Array(text.utf8), file: "x.json")
    }

    @Test(arguments: BrokenJSON.all) func parse_whenBroken(_ broken: BrokenJSON) throws {
        let error = try #require(throws: DocumentError.self) { try parse(broken.text) }
        #expect(error.reason.contains(broken.words), "\(error)")
        #expect(error.position == Node.Position(line: 1, column: broken.column))
        #expect(error.exitCode == .data)
        #expect(!error.description.contains("\n"))
    }

    @Test(
        arguments: [
            [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
            [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0x22, 0xE2, 0x82, 0x22], [0x22, 0x80, 0x22],
            [0x22, 0xC3],
        ] as [[UInt8]]) func parse_whenNotUTF8(_ bytes: [UInt8]) throws
    {
        let error = try #require(throws: DocumentError.self) {
            try JSON.parse(bytes, file: "x.json")
        }
        #expect(error.reason.contains("which is not UTF-8"), "\(error)")
        #expect(error.position == Node.Position(line: 1, column: 2))
    }

    @Test(
        arguments: [
            ("0", .integer(0)), ("-0", .integer(0)), ("-1", .integer(-1)), (" 7 ", .integer(7)),
            ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
            ("9223372036854775808", .number(9_223_372_036_854_775_808)),
            ("-9223372036854775809", .number(-9_223_372_036_854_775_808)),
            ("1000000000000000019884624838656", .number(1e30)),
            ("1.0", .number(1)), ("1E5", .number(1e5)), ("1e-05", .number(1e-5)),
            ("-0.0", .number(-0.0)),
            ("0e0", .number(0)), ("123.456e+2", .number(12345.6)),
            ("5e-324", .number(.leastNonzeroMagnitude)),
            ("true", .bool(true)), ("false", .bool(false)), ("null", .null), ("[]", .array([])),
            ("{}", .object([])), ("\"\"", .string("")),
            ("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", .string("\"\\/\u{8}\u{c}\n\r\t")),
            ("\"\\u00e9\\u20AC\"", .string("é€")), ("\"\\ud83d\\ude00\"", .string("😀")),
            ("\"é€😀\"", .string("é€😀")), ("\"\\u0000\"", .string("\0")),
            ("\"\u{7F}\"", .string("\u{7F}")),
            ("\"\\ud834\\udd1e!\"", .string("𝄞!")),
        ] as [(String, Node.Value)]) func parse_scalars(_ text: String, _ value: Node.Value) throws
    {
        #expect(try parse(text).value == value)
    }

    @Test func parse_keepsOrderAndPositions() throws {
        let node = try parse("{\r\n  \"é\": [1, \"😀\", {\"b\": null}],\n\t\"e\u{301}\": 2}\n")
        let members = try #require(node.members)
        #expect(members.map { Array($0.key.utf8) } == [[0xC3, 0xA9], [0x65, 0xCC, 0x81]])
        #expect(members.map(\.position.line) == [2, 3])
        #expect(members.map(\.position.column) == [3, 2])
        let elements = try #require(node["é"]?.array)
        #expect(elements.map(\.position.column) == [9, 12, 17])
        #expect(node["e\u{301}"]?.integer == 2)
        #expect(node["e\u{301}"]?.position == Node.Position(line: 3, column: 8))
    }

    @Test func parse_duplicateInLargeObject_namesBothLines() throws {
        var lines = (0..<1000).map { "\"k\($0)\": \($0)," }
        lines.append("\"k500\": 0")
        let error = try #require(throws: DocumentError.self) {
            try parse("{" + lines.joined(separator: "\n") + "}")
        }
        #expect(
            error.description
                == "x.json:1001:1: found the key 'k500' again; it stands in line 501 already")
    }

    @Test func parse_depthIsTheCallers() throws {
        let bytes = Array("[[[1]]]".utf8)
        #expect(try JSON.parse(bytes, file: "x", maximumDepth: 3).array?.count == 1)
        let error = try #require(throws: DocumentError.self) {
            try JSON.parse(bytes, file: "x", maximumDepth: 2, exitCode: .configuration)
        }
        #expect(error.exitCode == .configuration)
    }

    @Test func encode_isLaidOutLikePython() throws {
        let node = Node.object([
            "name": "a\"\\\n\u{1}é", "empty": [], "none": .null, "yes": true, "count": 3,
            "share": 0.5, "whole": 2.0, "tiny": 1e-05, "nan": Node(.nan),
            "huge": Node(-Double.infinity),
            "nested": .object(["x": [1, [], .object([:])]]),
        ])
        #expect(
            String(decoding: JSON.encode(node), as: UTF8.self) == """
                {
                  "name": "a\\"\\\\\\n\\u0001é",
                  "empty": [],
                  "none": null,
                  "yes": true,
                  "count": 3,
                  "share": 0.5,
                  "whole": 2.0,
                  "tiny": 1e-05,
                  "nan": null,
                  "huge": null,
                  "nested": {
                    "x": [
                      1,
                      [],
                      {}
                    ]
                  }
                }
                """)
        #expect(
            String(decoding: JSON.encode(node["nested"]!, indent: nil), as: UTF8.self)
                == "{\"x\":[1,[],{}]}")
    }

    /// What the tokenizers library makes of these scores, which is not the nearest number for the
    /// first three.
    @Test(arguments: [
        ("-0.43561181362301915", -0.4356118136230191),
        ("-12.563669634938593", -12.563669634938591),
        ("-9.634415443986683", -9.634415443986684),
        ("1e-7", 1e-7),
        ("4.9e-324", .leastNonzeroMagnitude),
        ("123456789012345678901234567890", 1.2345678901234568e+29),
        ("-18446744073709551616", -1.8446744073709552e+19),
        ("18446744073709551615", 1.8446744073709552e+19),
        ("18446744073709551619.05", 1.8446744073709552e+19),
        ("0.1234567890123456789012345", 0.12345678901234568),
        ("-3.4598653316497803", -3.4598653316497803),
        ("1e22", 1e+22),
        ("1e23", 1e+23),
        ("8.41e21", 8.41e+21),
        ("9007199254740993", 9007199254740992.0),
        ("9007199254740993.0", 9007199254740994.0),
        ("1.7976931348623157e308", 1.7976931348623157e+308),
        ("1.7976931348623157E+308", 1.7976931348623157e+308),
        ("2.2250738585072014e-308", 2.2250738585072014e-308),
        ("0e999", 0.0),
        ("0.000000000000000000000000000000123456789012345678", 1.2345678901234568e-31),
        ("-0.0", -0.0),
        ("1e-400", 0.0),
    ])
    func tokenizersNumbers_areTheLibrarys(_ text: String, _ number: Double) throws {
        let (node, _) = try JSON.parseTokenizer(Array("[\(text)]".utf8), file: "x", memory: 1000)
        let found = try #require(node.array?[0].double)
        #expect(found.bitPattern == number.bitPattern, "\(found)")
    }

    @Test func tokenizersNumbers_areFinite() {
        for text in ["1e309", "-12345678901234567890e300"] {
            #expect(throws: DocumentError.self) {
                try JSON.parseTokenizer(Array(text.utf8), file: "x", memory: 1000)
            }
        }
    }

    /// Documents made at random read back the same, in both layouts.
    @Test(arguments: 0..<50) func encode_parse_roundTrip(seed: UInt64) throws {
        var source = RandomNodes(seed: seed)
        let node = source.node(depth: 0)
        for indent in [nil, 2, 4] {
            let text = JSON.encode(node, indent: indent)
            let again = try JSON.parse(text, file: "x.json")
            #expect(JSON.encode(again, indent: indent) == text)
            #expect(RandomNodes.same(node, again))
        }
    }
}
