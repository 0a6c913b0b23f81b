import Documents

/// What transformers makes of a directory without `tokenizer.json`.
///
/// Source: the classes' `__init__` and `build_tokenizer_from_spm_proto` of transformers 5.23.
struct TokenizerParts: Sendable {
    /// As they would stand in `tokenizer.json`.
    let normalizer: Node
    let preTokenizer: Node
    /// What the normalizer begins with.
    private(set) var charsMap: CharsMap?
    let model: TokenModel
    /// What reading took at most, in bytes, and what of it stays.
    let loadingBytes: Int
    let residentBytes: Int

    private static let sentencePieceSpace = "\u{2581}"
    private static let qwen2Pattern =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|"#
        + #"\s*[\r\n]+|\s+(?!\S)|\s+"#

    private static func replacesSpaces() -> Node {
        .object([
            "type": "Replace", "pattern": .object(["String": " "]), "content": "\u{2581}",
        ])
    }

    private static func sequence(_ key: String, _ nodes: [Node]) -> Node {
        .object(["type": "Sequence", key: .init(.array(nodes))])
    }

    /// Of `vocab.json` and `merges.txt`.
    init(
        _ files: VocabularyFiles, _ pipeline: TokenizerClass.VocabularyPipeline,
        _ settings: TokenizerSettings, bytes: (loading: Int, resident: Int)
    ) throws(DocumentError) {
        let prefix = try settings.config["add_prefix_space"].bool(default: false)
        func byteLevel(_ usesPattern: Bool) -> Node {
            .object([
                "type": "ByteLevel", "add_prefix_space": .init(.bool(prefix)),
                "use_regex": .init(.bool(usesPattern)),
            ])
        }
        switch pipeline {
        case .gpt2, .gptNeoX: preTokenizer = byteLevel(true)
        case .qwen2:
            preTokenizer = Self.sequence(
                "pretokenizers",
                [
                    .object([
                        "type": "Split", "behavior": "Isolated", "invert": false,
                        "pattern": .object(["Regex": .init(.string(Self.qwen2Pattern))]),
                    ]), byteLevel(false),
                ])
        case .cohere:
            preTokenizer = Self.sequence(
                "pretokenizers",
                [.object(["type": "Digits", "individual_digits": true]), byteLevel(true)])
        }
        if case .gpt2 = pipeline {
            normalizer = .null
        } else {
            normalizer = .object(["type": "NFC"])
        }
        model = .bytePair(
            BytePairModel(files.vocabulary, files.merges, .init(isByteLevel: true)))
        (loadingBytes, residentBytes) = bytes
    }

    /// Of `tokenizer.model`.
    init(
        _ file: SentencePieceFile, _ pipeline: TokenizerClass.PiecePipeline,
        _ settings: TokenizerSettings, bytes: Int
    ) throws(DocumentError) {
        residentBytes = 3 * bytes + 128 * file.pieces.count
        loadingBytes = 4 * bytes + 512 * file.pieces.count
        let field = Field(file: file.path, path: "", node: nil)
        var preTokenizer = Node.null
        var normalizer = Node.null
        var unknown: String?
        switch pipeline {
        case .llama:
            let prepends = try settings.config["add_prefix_space"].bool(default: true)
            let isLegacy = try settings.config["legacy"].bool(default: false)
            preTokenizer = .object([
                "type": "Metaspace", "replacement": "\u{2581}", "split": false,
                "prepend_scheme": !prepends ? "never" : isLegacy ? "always" : "first",
            ])
        case .gemma:
            normalizer = Self.replacesSpaces()
            preTokenizer = .object([
                "type": "Split", "pattern": .object(["String": " "]),
                "behavior": "MergedWithPrevious", "invert": false,
            ])
            unknown = try settings.named("unk_token").map { String(decoding: $0, as: UTF8.self) }
        case .stored:
            normalizer = Self.replacesSpaces()
            unknown = file.unknown.text
            if !file.charsMap.isEmpty {
                let place = Field(file: file.path, path: "precompiled_charsmap", node: nil)
                charsMap = try CharsMap(file.charsMap, at: place)
            }
        }
        self.preTokenizer = preTokenizer
        self.normalizer = normalizer
        if case .stored = pipeline, file.isUnigram {
            guard settings.config["added_tokens_decoder"].node?.members?.isEmpty ?? true else {
                throw settings.config["added_tokens_decoder"].error(
                    "transformers loads no tokenizer.model of the kind Unigram beside it; write a "
                        + "tokenizer.json, or remove the key")
            }
            // transformers hands them to the library as JSON.
            let pieces = file.pieces.map { ($0.text, SerdeNumber.value(Double($0.score))) }
            model = .unigram(
                try UnigramModel(
                    pieces, unknownToken: file.unknown.id < 0 ? nil : file.unknown.id,
                    fallsBackToBytes: file.fallsBackToBytes, at: field))
            return
        }
        var vocabulary = file.vocabulary
        let names = vocabulary
        if case .stored = pipeline { vocabulary = try Self.renamed(vocabulary, file, settings) }
        let merges = try file.merges(names, names: vocabulary)
        var options = BytePairModel.Options(fusesUnknown: true)
        if case .stored = pipeline {
            options.fallsBackToBytes = file.fallsBackToBytes
        } else {
            options.fallsBackToBytes = true
        }
        if let unknown {
            options.unknownToken = vocabulary.value(of: unknown)
            let covers =
                options.fallsBackToBytes && !TokenModel.byteTokens(vocabulary).contains(-1)
            guard options.unknownToken != nil || covers else {
                throw field.error("has no piece \(quoted(unknown)), the unknown token")
            }
        }
        model = .bytePair(BytePairModel(vocabulary, merges, options))
    }

    /// Pieces have the names that `added_tokens_decoder` gives their ids.
    private static func renamed(
        _ vocabulary: ByteTable, _ file: SentencePieceFile, _ settings: TokenizerSettings
    ) throws(DocumentError) -> ByteTable {
        let decoder = settings.config["added_tokens_decoder"]
        guard decoder.node?.members?.isEmpty == false else { return vocabulary }
        var names = file.pieces.map(\.text)
        var known = vocabulary
        for (key, place) in try decoder.children() {
            let name = Array(try place["content"].string().utf8)
            guard let id = Int(key), names.indices.contains(id) else { continue }
            let old = names[id]
            if vocabulary.value(of: old.span) == Int32(id), old != name,
                known.value(of: name.span) == nil
            {
                known.set(name.span, to: Int32(id))
                names[id] = name
            }
        }
        var result = ByteTable(capacity: names.count)
        for (id, name) in names.enumerated() {
            let old = file.pieces[id].text
            // Of equal pieces the last one counts.
            if vocabulary.value(of: old.span) == Int32(id) { result.set(name.span, to: Int32(id)) }
        }
        return result
    }
}
