import Documents
import Testing

@Suite struct FieldsTests {
    private let schema = Schema([
        ("", ["size", "time", "share", "part"]), ("part", ["name", "kind"]),
    ])

    private func fields(_ text: String) throws -> Fields {
        try Fields(YAML.parse(Array(text.utf8), file: "x.yaml"), file: "x.yaml", schema: schema)
    }

    @Test(
        arguments: [
            ("0", 0), ("12", 12), ("1KiB", 1024), ("3MiB", 3 << 20), ("4GiB", 4 << 30),
            ("8589934591GiB", 8_589_934_591 << 30), ("0GiB", 0),
            ("8589934592GiB", nil), ("99999999999999999999GiB", nil), ("-1", nil), ("-1KiB", nil),
            ("+1KiB", nil), ("04KiB", nil), ("1kib", nil), ("1KB", nil), ("1K", nil), ("KiB", nil),
            ("1 KiB", nil), ("1.5GiB", nil), ("1.5", nil), ("'12'", nil), ("1TiB", nil),
            ("true", nil),
        ] as [(String, Int?)]) func size(_ text: String, _ bytes: Int?) throws
    {
        let fields = try fields("size: \(text)")
        if let bytes {
            #expect(try fields.size("size") == bytes)
        } else {
            let error = try #require(throws: DocumentError.self) { try fields.size("size") }
            #expect(error.reason.contains("for 'size'; expected a size in bytes"), "\(error)")
            #expect(error.position == Node.Position(line: 1, column: 7))
        }
    }

    @Test(
        arguments: [
            ("90s", 90), ("30m", 1800), ("2h", 7200), ("7d", 604800), ("0s", 0),
            ("90", nil), ("1w", nil), ("1h30m", nil), ("-1s", nil), ("1.5h", nil), ("s", nil),
            ("106751991167301d", nil), ("99999999999999999999s", nil),
        ] as [(String, Int?)]) func duration(_ text: String, _ seconds: Int?) throws
    {
        let fields = try fields("time: \(text)")
        if let seconds {
            #expect(try fields.duration("time") == seconds)
        } else {
            let error = try #require(throws: DocumentError.self) { try fields.duration("time") }
            #expect(error.reason.contains("for 'time'; expected a time"), "\(error)")
        }
    }

    @Test(arguments: [".nan", ".inf", "-.inf", "2", "text", "[1]", ""])
    func number_whenOutOfRange(_ text: String) throws {
        let fields = try fields("share: \(text)")
        let error = try #require(throws: DocumentError.self) {
            try fields.number("share", in: 0...1)
        }
        #expect(error.reason.contains("for 'share'; expected a number from 0.0 to 1.0"), "\(error)")
    }

    @Test(arguments: [
        ("part: {nmae: a}", "found the unknown key 'nmae'; did you mean 'name'?"),
        ("part: {names: a}", "did you mean 'name'?"),
        ("part: {x: a}", "found the unknown key 'x'; expected 'name' or 'kind'"),
        ("part: {size: 1}", "found the key 'size' under 'part'; it belongs at the top level"),
        ("part: {}\nname: a", "found the key 'name' at the top level; it belongs under 'part'"),
        ("part:", "found nothing for 'part'; expected keys and their values"),
    ]) func section_refuses(_ text: String, _ words: String) throws {
        let error = try #require(throws: DocumentError.self) { try fields(text).section("part") }
        #expect(error.reason.contains(words), "\(error)")
    }

    @Test func withoutASchema_unknownKeysAndNullAreSkipped() throws {
        let text = Array("{\"a\": null, \"b\": 3, \"c\": \"x\"}".utf8)
        let fields = try Fields(
            JSON.parse(text, file: "config.json"), file: "config.json", exitCode: .data)
        #expect(try fields.integer("a") == nil)
        #expect(try fields.required("b", fields.integer("b")) == 3)
        let missing = try #require(throws: DocumentError.self) {
            try fields.required("a", fields.string("a"))
        }
        #expect(missing.description == "config.json:1:1: found no 'a', which is required")
        let wrong = try #require(throws: DocumentError.self) { try fields.bool("c") }
        #expect(
            wrong.description
                == "config.json:1:26: found the text 'x' for 'c'; expected true or false")
        #expect(wrong.exitCode == .data)
    }

    @Test func setting_and_removing_keepTheOrder() throws {
        let node = Node.object(["a": 1, "b": 2, "c": 3])
        let changed = node.setting("b", to: "x").setting("d", to: true).removing("a", "z")
        #expect(changed.members?.map(\.key) == ["b", "c", "d"])
        #expect(changed["b"]?.string == "x" && changed["d"]?.bool == true && changed["a"] == nil)
        #expect(changed.dictionary?["c"]?.integer == 3)
    }
}
