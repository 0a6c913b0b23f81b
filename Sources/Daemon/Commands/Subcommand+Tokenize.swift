import Documents
import Glibc
import Pipeline
import Posix
import Tokenizer

extension Subcommand {
    static let tokenize = Subcommand(
        name: "tokenize", summary: "print a text's tokens", operand: "MODEL [TEXT]",
        details: """
            MODEL is a model's directory, of which the tokenizer and config.json are read. Without \
            TEXT
            the text is standard input, as it is, with its line ends. Prints the ids of the tokens,
            special tokens that the tokenizer adds included.
            """,
        options: [.json]
    ) { arguments, program in
        guard let model = arguments.operands.first else {
            throw UsageError(reason: "the model is missing", program: program)
        }
        try arguments.refuseOperands(after: 2, program)
        let tokenizer = try ModelTokenizer.load(
            model, Roots(.unrestricted(base: workingDirectory)))
        var output = TokenOutput(isJSON: arguments.flags.contains("--json"))
        if arguments.operands.count > 1 {
            try output.add(tokenizer.encode(arguments.operands[1], addSpecialTokens: true))
        } else {
            let source = TextSource(stream: STDIN_FILENO, name: "standard input")
            try source.forEachPiece(with: tokenizer) { tokens in
                try output.add(tokens)
                return true
            }
        }
        try output.finish()
        return .done
    }
}

/// Writes ids as they come: on one line, or as an object with the array `ids`.
private struct TokenOutput {
    private let isJSON: Bool
    private var isFirst = true
    private var buffer: [UInt8] = []

    init(isJSON: Bool) {
        self.isJSON = isJSON
        if isJSON { buffer += Array(#"{"ids": ["#.utf8) }
    }

    mutating func add(_ ids: [Int32]) throws(SystemError) {
        for id in ids {
            if !isFirst {
                if isJSON { buffer.append(UInt8(ascii: ",")) }
                buffer.append(UInt8(ascii: " "))
            }
            isFirst = false
            append(id)
            if buffer.count > 1 << 16 { try flush() }
        }
    }

    mutating func finish() throws(SystemError) {
        if isJSON { buffer += Array("]}".utf8) }
        buffer.append(UInt8(ascii: "\n"))
        try flush()
    }

    /// In decimal, without a string for each.
    private mutating func append(_ id: Int32) {
        let start = buffer.count
        var rest = id.magnitude
        repeat {
            buffer.append(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        buffer[start...].reverse()
    }

    private mutating func flush() throws(SystemError) {
        try Terminal.show(numbers: buffer)
        buffer.removeAll(keepingCapacity: true)
    }
}
