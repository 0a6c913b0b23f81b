import Documents
import Tokenizer
import Transformer

extension Texts {
    private static let schema = Schema([("", ["question", "choices", "answer"])])

    /// Reads multiple-choice questions: an object a line with `question`, `choices` and the index
    /// `answer` of the right one, from 0. Other keys are nobody's business, as in texts.
    ///
    /// - Throws: `DocumentError` with the line where one is not that, or does not fit the model.
    mutating func questions(in path: String) throws -> Questions {
        let tokenizer = try loadedTokenizer()
        var encoder = Encoder(tokenizer)
        var questions: [[Questions.Continuation]] = []
        var answers: [Int] = []
        // Tokens are there twice while batches are made of them.
        var bytes = 0
        let memory = memory
        try source(path, tokenizer).forEachRecord { node, line in
            func refusal(_ reason: String) -> DocumentError {
                DocumentError(
                    file: path, position: .init(line: line, column: 1), reason: reason,
                    exitCode: .data)
            }
            let wanted: (question: String, choices: [String], answer: Int)
            do throws(DocumentError) {
                wanted = try Self.question(node, file: path)
            } catch {
                // It knows of this line alone.
                throw DocumentError(
                    file: path, position: .init(line: line, column: error.position?.column ?? 1),
                    reason: error.reason, exitCode: .data)
            }
            answers.append(wanted.answer)
            try memory.check(bytes, place: path)
            bytes += 256
            let context = try encoder.encode(
                wanted.question.withoutTrailingSpace, with: tokenizer)
            questions.append(
                try wanted.choices.enumerated().map { index, choice in
                    let tokens = try encoder.encode(
                        "\(wanted.question) \(choice)", with: tokenizer)
                    let place = "choice \(index) behind its question"
                    guard !context.isEmpty, tokens.count > context.count else {
                        throw refusal("\(place) has no tokens of its own; give both more text")
                    }
                    let positions = model.configuration.maxPositionEmbeddings
                    guard tokens.count - 1 <= positions else {
                        throw refusal(
                            "\(place) has \(tokens.count) tokens, more than the model's "
                                + "\(positions) positions and one; shorten it")
                    }
                    bytes += 128 + 8 * tokens.count
                    return Questions.Continuation(
                        tokens: tokens, context: context.count,
                        characters: choice.unicodeScalars.count)
                })
            return true
        }
        if questions.isEmpty {
            throw DocumentError(
                file: path, position: nil, reason: "found no question; expected one a line",
                exitCode: .data)
        }
        for choice in questions.joined() { try model.check(tokens: choice.tokens, file: path) }
        return Questions(
            questions, answers: answers, limits: model.configuration.lengthLimits)
    }

    private static func question(
        _ node: Node, file: String
    ) throws(DocumentError) -> (question: String, choices: [String], answer: Int) {
        let keys = ["question", "choices", "answer"]
        var node = node
        // Where one is missing, another may be its misspelling.
        if keys.allSatisfy({ node[$0] != nil }), let members = node.members {
            node = Node(
                .object(members.filter { keys.contains($0.key) }), at: node.position)
        }
        let fields = try Fields(node, file: file, schema: schema, exitCode: .data)
        let question = try fields.required("question", fields.string("question"))
        let choices = try fields.required("choices", fields.strings("choices"))
        if question.withoutTrailingSpace.isEmpty, let node = fields.value("question") {
            throw fields.mismatch("question", node, expected: "more than spaces")
        }
        if choices.count < 2, let node = fields.value("choices") {
            throw fields.mismatch("choices", node, expected: "at least two choices")
        }
        if let empty = choices.first(where: { $0.text.isEmpty }) {
            throw fields.mismatch("choices", empty.node, expected: "texts that are not empty")
        }
        let answer = try fields.required(
            "answer", fields.integer("answer", in: 0...(choices.count - 1)))
        return (question, choices.map(\.text), answer)
    }
}

extension Encoder {
    /// A text with its special tokens, but for those that would stand behind what follows it.
    fileprivate mutating func encode(
        _ text: String, with tokenizer: Tokenizer
    ) throws(DocumentError) -> [Int32] {
        try encode(text.utf8Span, addSpecialTokens: true).dropLast(
            tokenizer.trailingSpecialTokens)
    }
}

extension String {
    /// As Python's `rstrip` leaves it. The space goes to what follows, since tokens begin with it.
    fileprivate var withoutTrailingSpace: String {
        var scalars = unicodeScalars[...]
        while let last = scalars.last,
            last.properties.isWhitespace || (0x1c...0x1f).contains(last.value)
        { scalars.removeLast() }
        return String(scalars)
    }
}
