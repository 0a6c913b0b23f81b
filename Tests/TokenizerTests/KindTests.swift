import Documents
import Testing

@testable import Tokenizer

/// Tokenizers of every kind, against the tokenizers library. `Tests/Reference/tokenizer_kinds.py`
/// made them and asked it.
@Suite struct KindTests {
    struct Kind: Sendable, CustomTestStringConvertible {
        let name: String
        let tokenizer: Node
        let vectors: [Node]

        var testDescription: String { name }

        /// SentencePiece's map of characters, which stands once for all kinds.
        private static let map =
            CharacterTests.root["normalizers"]?["Precompiled"]?["step"]?["precompiled_charsmap"]

        private static func withMap(_ node: Node) -> Node {
            switch node.value {
            case .object(let members):
                .init(.object(members.map { .init(key: $0.key, value: withMap($0.value)) }))
            case .array(let nodes): .init(.array(nodes.map(withMap)))
            case .string("@"): map ?? node
            default: node
            }
        }

        init(_ node: Node) {
            name = node["name"]?.string ?? ""
            tokenizer = Self.withMap(node["tokenizer"] ?? .null)
            vectors = node["vectors"]?.array ?? []
        }
    }

    static let kinds = ((try? Fixture.node("kinds.json"))?.array ?? []).map(Kind.init)

    @Test func kinds_areThere() { #expect(Self.kinds.count >= 25) }

    /// `Metaspace` with `first` puts its character before a text whose first character stays, and
    /// not before one whose first character the normalizer drops.
    @Test(arguments: [
        ("StripAccents", ["x": [4], "\u{301}x": [2], " x": [4], "\u{301}\u{301}x y": [2, 0]]),
        ("Strip", ["x": [4], " x": [2], "  x": [2], "yx": [0]]),
        ("Nmt", ["x": [4], "\u{1}x": [2], "  x": [1, 4]]),
        ("Prepend StripAccents", ["\u{301}": [4], "\u{301}\u{301}": [4], "\u{301} y": [4, 0]]),
    ])
    func metaspace_prependsWhereTheStartStays(
        _ normalizers: String, _ texts: [String: [Int32]]
    ) throws {
        let steps = normalizers.split(separator: " ").map {
            Node.object([
                "type": Node(String($0)), "prepend": "x", "strip_left": true, "strip_right": true,
            ])
        }
        let file = Node.object([
            "version": "1.0",
            "normalizer": .object(["type": "Sequence", "normalizers": Node(.array(steps))]),
            "pre_tokenizer": .object([
                "type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": true,
            ]),
            "model": .object([
                "type": "WordLevel", "unk_token": "<unk>",
                "vocab": .object(["<unk>": 0, "▁": 1, "x": 2, "y": 3, "▁x": 4]),
            ]),
        ])
        var encoder = Encoder(try Tokenizer(JSON.encode(file), path: normalizers))
        for (text, ids) in texts {
            #expect(
                try encoder.encode(text.utf8Span, addSpecialTokens: false) == ids,
                "\(text.debugDescription)")
        }
    }

    /// Ways to cut a run of one character that have the same score but for the last bit, and what
    /// the library takes: it does not read scores as the nearest numbers.
    @Test(arguments: [
        ([-6.100474295255331, -1.8430156308041354, -11.291712013055989], [2, 2, 2, 2, 2, 1]),
        ([-5.641251916734967, -6.490215362627589, -3.7116429802829156], [3, 3, 2]),
        ([-6.197447605739367, -8.023580219132763, -11.996186723468321], [2, 3, 2, 3]),
        ([-5.129284494318317, -5.638219389859062, -7.6791705678628155], [2, 2, 3, 3]),
        ([-6.552317668968264, -3.7516407674317276, -5.104712648680962], [2, 3, 2, 3]),
    ])
    func unigram_readsScoresAsLibrary(_ scores: [Double], _ ids: [Int32]) throws {
        let pieces = scores.enumerated().map { index, score in
            Node(.array([Node(.string(String(repeating: "x", count: index + 1))), Node(score)]))
        }
        let model = Node.object([
            "type": "Unigram", "unk_id": 0, "vocab": Node(.array([["<unk>", 0.0]] + pieces)),
        ])
        let file = Node.object(["version": "1.0", "model": model])
        var encoder = Encoder(try Tokenizer(JSON.encode(file), path: "unigram"))
        let text = String(repeating: "x", count: Int(ids.reduce(0, +)))
        #expect(try encoder.encode(text.utf8Span, addSpecialTokens: false) == ids)
    }

    @Test(arguments: kinds)
    func encode_agreesWithLibrary(_ kind: Kind) throws {
        #expect(kind.vectors.count >= 60)
        try Self.check(kind)
    }

    private static func check(_ kind: Kind) throws {
        let tokenizer = try Tokenizer(JSON.encode(kind.tokenizer, indent: nil), path: kind.name)
        var encoder = Encoder(tokenizer)
        var different = 0
        for vector in try kind.vectors.map(Fixture.Vector.init) {
            let ids = try encoder.encode(vector.text.utf8Span, addSpecialTokens: false)
            let all = try encoder.encode(vector.text.utf8Span, addSpecialTokens: true)
            if ids == vector.ids, all == vector.idsWithSpecial { continue }
            different += 1
            if different < 4 {
                Issue.record(
                    "\(kind.name): \(vector.text.debugDescription): \(ids), not \(vector.ids)")
            }
        }
        #expect(different == 0, "\(kind.name)")
    }
}
