import Documents

/// `pre_tokenizer`: the steps that cut text into words, each applied to every piece of the one
/// before.
struct PreTokenizer: Sendable {
    enum Step: Sendable {
        case words(WordScanner)
        /// `Digits`; single ones are a `Split`.
        case digits(individual: Bool)
        /// `Whitespace`: runs of what belongs to words and of what does not, without white space.
        case wordRuns
        /// `UnicodeScripts`: runs of one script, without what is of none at the start.
        case scripts
        /// `FixedLength`: so many characters.
        case lengths(Int)
        /// `ByteLevel`: each byte becomes the character that stands for it. Where that is the last
        /// step, a byte-pair encoding does it itself.
        case bytes
        case split(Split)
        case metaspace(Metaspace)
        /// `ByteLevel` with `add_prefix_space`: a space before each piece that has none.
        case prefixSpace
        /// Cuts before each run of SentencePiece's space, for speed alone.
        case spaceRuns
        /// Cuts where no merge of the model joins two characters, for speed alone.
        case characterPairs
    }

    private(set) var steps: [Step] = []

    /// `ByteLevel` is the last step.
    var endsInBytes: Bool { if case .bytes = steps.last { true } else { false } }

    /// - Parameter field: may be null, for no steps.
    init(_ field: Field) throws(DocumentError) {
        if !field.isNull { try add(field) }
    }

    /// Leaves to a byte-pair encoding what it does faster: `ByteLevel` at the end, or words that
    /// are cut before spaces where the model could not merge anything across such a place. Without
    /// the latter a whole text of SentencePiece's kind is one word.
    mutating func refine(for model: TokenModel) {
        guard case .bytePair(let model) = model else { return }
        if model.isByteLevel { steps.removeLast() }
        if model.neverJoinsSpaces {
            steps.append(.spaceRuns)
        } else if model.cutsBetweenCharacters {
            steps.append(.characterPairs)
        }
    }

    private static let supported =
        "BertPreTokenizer, ByteLevel, CharDelimiterSplit, Digits, FixedLength, Metaspace, "
        + "Punctuation, Sequence, Split, UnicodeScripts, Whitespace and WhitespaceSplit"

    private mutating func add(_ field: Field) throws(DocumentError) {
        let type = try field.type()
        switch type {
        case "Sequence":
            for element in try field["pretokenizers"].elements() { try add(element) }
        case "ByteLevel":
            if try field["add_prefix_space"].bool() { steps.append(.prefixSpace) }
            if try field["use_regex"].bool(default: true) {
                steps.append(.words(WordScanner(.gpt2)))
            }
            steps.append(.bytes)
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
        case "Whitespace": steps.append(.wordRuns)
        case "UnicodeScripts": steps.append(.scripts)
        case "WhitespaceSplit": add(.space, .removed)
        case "BertPreTokenizer":
            add(.space, .removed)
            add(.punctuation, .isolated)
        case "Punctuation":
            add(
                .punctuation,
                try field["behavior"].isNull ? .isolated : Split.Behavior(field["behavior"]))
        case "CharDelimiterSplit":
            let text = try field["delimiter"].string()
            guard text.unicodeScalars.count == 1 else {
                throw field["delimiter"].error("a single character is expected")
            }
            steps.append(
                .split(Split(pattern: .literal(Array(text.utf8)), behavior: .removed)))
        case "FixedLength":
            guard let length = field["length"].isNull ? 5 : field["length"].node?.integer,
                length > 0
            else { throw field["length"].expected("a number of characters above 0") }
            steps.append(.lengths(length))
        default:
            throw field.unsupported(type, supported: Self.supported)
        }
    }

    private mutating func add(_ set: ScalarSet, _ behavior: Split.Behavior) {
        steps.append(.split(Split(pattern: .scalars(set), behavior: behavior)))
    }

    /// Refuses what depends on where a word stood before the normaliser.
    func check(_ normalizer: Normalizer, _ field: Field) throws(DocumentError) {
        guard normalizer.mayDropStart else { return }
        for step in steps.dropFirst() {
            if case .metaspace(let metaspace) = step, metaspace.prependScheme == .first {
                throw field.error(
                    "Metaspace with 'first' behind another step is not supported with a normalizer "
                        + "that may drop characters")
            }
        }
    }
}
