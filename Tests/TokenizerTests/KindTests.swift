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
