import Documents
import Testing

struct CodedTests {
    struct Inner: CodedValue {
        var number = 0.0
        static var blank: Inner { Inner() }

        mutating func code(_ coder: inout NodeCoder) { coder.required("number", &number) }
    }

    /// One member of each kind.
    struct Everything: CodedValue {
        var name = ""
        var text: String? = "default"
        var flag = true
        var count: Int?
        var inner = Inner()
        var other: Inner?
        var inners: [Inner] = []
        var numbers: [Double] = []
        static var blank: Everything { Everything() }

        mutating func code(_ coder: inout NodeCoder) {
            coder.required("name", &name)
            coder.member("text", &text)
            coder.member("flag", &flag)
            coder.rare("count", &count)
            coder.members(of: &inner)
            coder.member("other", &other)
            coder.rare("inners", &inners)
            coder.rare("numbers", &numbers)
        }
    }

    private func node(_ text: String) throws -> Node {
        try JSON.parse(Array(text.utf8), file: "")
    }

    private func text(_ record: Everything) -> String {
        String(decoding: JSON.encode(record.node, indent: nil), as: UTF8.self)
    }

    @Test(arguments: [
        #"{"name":"a","text":null,"flag":true,"number":1.5,"other":null}"#,
        #"{"name":"","text":"b","flag":false,"count":-3,"number":0.1,"other":{"number":2.0}}"#,
        #"{"name":"c","text":"","flag":true,"number":0.0,"other":null,"inners":[{"number":1.0}],"#
            + #""numbers":[0.25,1e+300]}"#,
    ])
    func record_isWrittenAsItWasRead(_ json: String) throws {
        #expect(try text(#require(Everything(coded: node(json)))) == json)
    }

    /// Other versions leave keys out, add some, and give others another kind of value.
    @Test(arguments: [
        #"{"name": "a", "number": 1}"#,
        #"{"name": "a", "text": 3, "number": 1, "more": [], "flag": "x", "other": 3}"#,
        #"{"name": "a", "number": 1, "count": "x", "inners": [{}, 3], "numbers": {}}"#,
    ])
    func whatIsMissing_isUnknownOrDefault(_ json: String) throws {
        let record = try #require(Everything(coded: node(json)))
        #expect(
            text(record) == #"{"name":"a","text":null,"flag":true,"number":1.0,"other":null}"#)
    }

    @Test(arguments: ["[]", "3", "{}", #"{"name": 3, "number": 1}"#, #"{"name": "a"}"#])
    func record_withoutWhatIsRequired(_ json: String) throws {
        #expect(try Everything(coded: node(json)) == nil)
    }

    @Test func keys_arePaths() {
        #expect(
            Everything.keys == [
                "name", "text", "flag", "count", "number", "other.number", "inners[].number",
                "numbers",
            ])
    }
}
