import Testing

@testable import Documents

@Suite struct NodeCoderTests {
    enum Colour: String, NodeValue { case red, green }

    struct Point: CodedValue, Hashable {
        var x = 0
        var label: String?

        static let blank = Point()

        mutating func code(_ coder: inout NodeCoder) {
            coder.required("x", &x) { $0 >= 0 }
            coder.rare("label", &label)
        }
    }

    struct Record: Coded, Hashable {
        var name = ""
        var colour = Colour.red
        var level = 1
        var ratio: Double?
        var place: Point?
        var points: [Point] = []
        var uid: UInt32 = 0

        mutating func code(_ coder: inout NodeCoder) {
            coder.derived("version", 1)
            coder.known("kind", "record")
            coder.required("name", &name)
            coder.member("colour", &colour)
            coder.member("level", &level, within: -5...5)
            coder.member("ratio", &ratio) { $0.isFinite }
            coder.member("place", &place)
            coder.member("points", &points)
            coder.member("uid", &uid)
        }
    }

    private func read(_ text: String) throws -> (Record, NodeCoder) {
        var record = Record(level: 3)
        let coder = record.read(try JSON.parse(Array(text.utf8), file: "test"))
        return (record, coder)
    }

    @Test func whatIsWritten_isReadAgain() throws {
        let full = Record(
            name: "a", colour: .green, level: -5, ratio: 0.5, place: Point(x: 2, label: "é"),
            points: [Point(x: 1), Point(x: 0)], uid: .max)
        let text = String(decoding: JSON.encode(full.node, indent: nil), as: UTF8.self)
        let expected =
            #"{"version":1,"kind":"record","name":"a","colour":"green","level":-5,"ratio":0.5,"#
            + #""place":{"x":2,"label":"é"},"points":[{"x":1},{"x":0}],"uid":4294967295}"#
        #expect(text.filter { $0 != " " } == expected)
        let (record, coder) = try read(text)
        #expect(record == full && coder.isWhole && coder.contradiction == nil)
        #expect(Record(name: "b").node["ratio"]?.isNull == true)
        #expect(Record(name: "b").node["place"]?.isNull == true)
    }

    @Test(
        arguments: [
            (#"{}"#, nil), (#"[]"#, nil), (#"{"name": 3}"#, nil), (#"{"name": null}"#, nil),
            (#"{"name": "a"}"#, Record(name: "a", level: 3)),
            // Of the wrong kind, or beyond its bounds, is as if it were not there.
            (
                #"{"name": "a", "colour": "blue", "ratio": "1", "place": {"x": -1}, "uid": -1}"#,
                Record(name: "a", level: 3)
            ),
            (#"{"name": "a", "level": 9000, "uid": 4294967296}"#, Record(name: "a", level: 5)),
            (#"{"name": "a", "level": 1.5, "ratio": 2}"#, Record(name: "a", level: 3, ratio: 2)),
            (
                #"{"points": [{"x": 1}, {}, 7, {"x": 2, "label": null}], "name": "a"}"#,
                Record(name: "a", level: 3, points: [Point(x: 1), Point(x: 2)])
            ),
        ] as [(String, Record?)])
    func whatIsNotRight_countsAsAbsent(_ text: String, _ expected: Record?) throws {
        let (record, coder) = try read(text)
        #expect(coder.isWhole == (expected != nil))
        if let expected { #expect(record == expected) }
    }

    @Test(arguments: [
        (#"{"name": "a"}"#, false), (#"{"name": "a", "kind": "record"}"#, false),
        (#"{"name": "a", "kind": "other"}"#, true), (#"{"name": "a", "kind": 1}"#, true),
    ])
    func whatIsKnown_mustSayTheSame(_ text: String, _ isContradiction: Bool) throws {
        #expect(try (read(text).1.contradiction != nil) == isContradiction)
    }
}
