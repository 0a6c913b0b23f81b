import Documents

/// `post_processor`: the special tokens around a text, for one sequence; templates for pairs are
/// not needed here.
struct PostProcessor: Sendable {
    enum Piece: Sendable {
        case tokens([Int32])
        case text
    }

    private(set) var pieces: [Piece] = [.text]

    /// - Parameter field: may be null, for the bare text.
    init(_ field: Field) throws(DocumentError) {
        if !field.isNull { try add(field) }
    }

    /// A token before the text, one after it, or none.
    init(before: Int32?, after: Int32?) {
        pieces = []
        if let before { pieces.append(.tokens([before])) }
        pieces.append(.text)
        if let after { pieces.append(.tokens([after])) }
    }

    /// How many tokens come after the text.
    var trailingTokens: Int {
        pieces.reversed().prefix { if case .tokens = $0 { true } else { false } }
            .reduce(0) { sum, piece in
                if case .tokens(let tokens) = piece { sum + tokens.count } else { sum }
            }
    }

    private mutating func add(_ field: Field) throws(DocumentError) {
        let type = try field.type()
        switch type {
        case "Sequence":
            for element in try field["processors"].elements() { try add(element) }
        case "ByteLevel":
            // Trims offsets, which nobody asks for here.
            break
        case "TemplateProcessing":
            try wrap(Self.template(field))
        case "BertProcessing", "RobertaProcessing":
            let first = try Self.pairToken(field["cls"])
            let last = try Self.pairToken(field["sep"])
            wrap([.tokens([first]), .text, .tokens([last])])
        default:
            throw field.unsupported(
                type,
                supported: "BertProcessing, ByteLevel, RobertaProcessing, Sequence and "
                    + "TemplateProcessing")
        }
    }

    /// What came before becomes the text of `template`.
    private mutating func wrap(_ template: [Piece]) {
        pieces = template.flatMap { piece in
            if case .text = piece { pieces } else { [piece] }
        }
    }

    private static func template(_ field: Field) throws(DocumentError) -> [Piece] {
        var pieces: [Piece] = []
        for piece in try field["single"].elements() {
            let special = piece["SpecialToken"]
            if !special.isNull {
                let name = try special["id"].string()
                let ids = field["special_tokens"][name]["ids"]
                var tokens: [Int32] = []
                for id in try ids.elements() { tokens.append(try id.token()) }
                pieces.append(.tokens(tokens))
                continue
            }
            let sequence = piece["Sequence"]["id"]
            guard try sequence.string() == "A" else {
                throw sequence.error("a template for one sequence can only hold the sequence A")
            }
            pieces.append(.text)
        }
        return pieces
    }

    /// `["<s>", 0]`
    private static func pairToken(_ field: Field) throws(DocumentError) -> Int32 {
        let elements = try field.elements()
        guard elements.count == 2 else { throw field.error("a token and its id are expected") }
        return try elements[1].token()
    }
}
