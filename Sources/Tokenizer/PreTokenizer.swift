import Documents

/// `pre_tokenizer`: the steps that cut text into words, each applied to every piece of the one
/// before.
struct PreTokenizer: Sendable {
    enum Step: Sendable {
        case words(WordScanner)
        case digits(individual: Bool)
        case split(Split)
        case metaspace(Metaspace)
        /// `ByteLevel` with `add_prefix_space`: a space before each piece that has none.
        case prefixSpace
        /// Cuts before each run of SentencePiece's space, for speed alone.
        case spaceRuns
    }

    private(set) var steps: [Step] = []
    /// `ByteLevel` was the last step: words go to the model as bytes.
    private(set) var isByteLevel = false

    /// - Parameter field: may be null, for no steps.
    init(_ field: Field) throws(DocumentError) {
        if !field.isNull { try add(field) }
    }

    /// Cuts words before spaces as well, where `model` could not merge anything across such a
    /// place. Without it a whole text of SentencePiece's kind is one word.
    mutating func refine(for model: BytePairModel) {
        if model.neverJoinsSpaces { steps.append(.spaceRuns) }
    }

    private mutating func add(_ field: Field) throws(DocumentError) {
        let type = try field.type()
        if isByteLevel {
            throw field["type"].error(
                "nothing may come after ByteLevel; it has to be the last step")
        }
        switch type {
        case "Sequence":
            for element in try field["pretokenizers"].elements() { try add(element) }
        case "ByteLevel":
            if try field["add_prefix_space"].bool() { steps.append(.prefixSpace) }
            if try field["use_regex"].bool(default: true) {
                steps.append(.words(WordScanner(.gpt2)))
            }
            isByteLevel = true
        case "Digits":
            steps.append(.digits(individual: try field["individual_digits"].bool()))
        case "Split":
            let split = try Split(field)
            if case .words(let scanner) = split.pattern, split.behavior == .isolated {
                steps.append(.words(scanner))
            } else {
                steps.append(.split(split))
            }
        case "Metaspace":
            steps.append(.metaspace(try Metaspace(field)))
        default:
            throw field.unsupported(
                type, supported: "ByteLevel, Digits, Metaspace, Sequence and Split")
        }
    }
}
