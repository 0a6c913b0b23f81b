import Documents

/// A tokenizer as a checkpoint's `tokenizer.json` describes it, with exactly the tokens that
/// Hugging Face's tokenizers library gives.
///
/// `truncation` and `padding` in the file are ignored, as `transformers` does unless it is told
/// otherwise; calibration and evaluation cut their own windows.
package struct Tokenizer: Sendable {
    let path: String
    let normalizer: Normalizer
    let preTokenizer: PreTokenizer
    let model: TokenModel
    let addedTokens: AddedTokens
    let postProcessor: PostProcessor
    /// Where texts may be cut; nil: nowhere.
    let cuts: TextCuts?
    /// What reading the file took at most, in bytes, and what of it stays.
    package let loadingBytes: Int
    package let residentBytes: Int

    /// The largest file that is read; the largest vocabularies in use take some 40 MB.
    package static let fileLimit = 64 << 20

    /// - Parameters:
    ///   - path: for errors only.
    ///   - memory: what reading it may take at most, in bytes.
    init(
        _ bytes: [UInt8], path: String, memory: Int = .max, settings: TokenizerSettings? = nil
    ) throws(DocumentError) {
        // The text itself, and tables of about its size each for tokens and merges.
        residentBytes = 2 * bytes.count
        let (node, taken) = try JSON.parseTokenizer(
            bytes, file: path, memory: memory - 3 * bytes.count)
        loadingBytes = 3 * bytes.count + taken
        let root = Field(file: path, path: "", node: node)
        if let text = root.node.flatMap(MistakenContents.answer) {
            throw DocumentError(file: path, position: nil, reason: text, exitCode: .data)
        }
        guard root.node?.members != nil else {
            throw DocumentError(
                file: path, position: root.node?.position,
                reason: "an object is expected, as the tokenizers library writes it",
                exitCode: .data)
        }
        if !root["version"].isNull {
            let version = try root["version"].string()
            if version != "1.0" {
                throw root["version"].error("\(quoted(version)) is not supported; only '1.0' is")
            }
        }
        self.path = path
        normalizer = try Normalizer(root["normalizer"])
        var preTokenizer = try PreTokenizer(root["pre_tokenizer"])
        postProcessor = try PostProcessor(root["post_processor"])
        guard root["model"].node?.members != nil else {
            throw root["model"].expected("an object")
        }
        try preTokenizer.check(normalizer, root["pre_tokenizer"])
        model = try TokenModel(root["model"], isByteLevel: preTokenizer.endsInBytes)
        preTokenizer.refine(for: model)
        self.preTokenizer = preTokenizer
        let stored = try AddedTokens.entries(root["added_tokens"])
        addedTokens = try AddedTokens(
            settings?.groups(stored) ?? [stored], model: model, normalizer: normalizer)
        cuts = TextCuts(normalizer, preTokenizer, addedTokens, postProcessor)
    }

    /// Of older files.
    init(_ parts: TokenizerParts, path: String, settings: TokenizerSettings) throws(DocumentError) {
        self.path = path
        loadingBytes = parts.loadingBytes
        residentBytes = parts.residentBytes
        normalizer = try Normalizer(
            Field(file: path, path: "", node: parts.normalizer), after: parts.charsMap)
        var preTokenizer = try PreTokenizer(
            Field(file: path, path: "", node: parts.preTokenizer))
        model = parts.model
        preTokenizer.refine(for: model)
        self.preTokenizer = preTokenizer
        let addedTokens = try AddedTokens(
            settings.groups([]), model: model, normalizer: normalizer)
        self.addedTokens = addedTokens
        let vocabulary = model.vocabulary
        func id(_ content: [UInt8]?) -> Int32? {
            content.flatMap {
                addedTokens.id(of: $0.span) ?? vocabulary.value(of: $0.span)
            }
        }
        let around = try settings.around()
        postProcessor = PostProcessor(before: id(around.before), after: id(around.after))
        cuts = TextCuts(normalizer, preTokenizer, addedTokens, postProcessor)
    }

    /// What encoding takes for each byte of a document that is held as a whole, in bytes at most.
    package var bytesPerTextByte: Int {
        // A line, its value, and pieces of that.
        if cuts != nil { return 8 }
        // Where nothing cuts words the whole document is one, and each of its places has a best
        // path.
        if case .unigram = model { return 128 }
        if case .characterPairs = preTokenizer.steps.last { return 64 }
        return preTokenizer.steps.isEmpty ? 64 : 32
    }

    /// Tokens of the model and added ones: `len(tokenizer)` in Python. Ids may be larger where the
    /// vocabulary has gaps.
    package var vocabularySize: Int { model.tokenCount + addedTokens.newCount }

    /// The id of a token as the file writes it, so `Ġthe` for " the".
    package func id(of token: String) -> Int32? {
        addedTokens.id(of: token) ?? model.vocabulary.value(of: token)
    }

    /// How many special tokens the post-processor puts behind a text.
    package var trailingSpecialTokens: Int { postProcessor.trailingTokens }

    /// The tokens of one text, with those of the post-processor around it if asked for.
    /// - Throws: `DocumentError`; see `Encoder.add`, which is faster for many short texts.
    package func encode(
        _ text: UTF8Span, addSpecialTokens: Bool
    ) throws(DocumentError) -> [Int32] {
        var encoder = Encoder(self)
        try encoder.add(text, addSpecialTokens: addSpecialTokens)
        return encoder.tokens
    }

    package func encode(
        _ text: String, addSpecialTokens: Bool
    ) throws(DocumentError) -> [Int32] {
        try encode(text.utf8Span, addSpecialTokens: addSpecialTokens)
    }
}
