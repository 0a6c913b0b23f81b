import Documents
import Glibc
import Posix

extension Tokenizer {
    /// Of each file beside `tokenizer.json`, and of those that take its place.
    private static let settingsLimit = 64 << 20

    /// The tokenizer of a model directory, with the tokens that its other files add. Without a
    /// `tokenizer.json` it is what transformers makes of `vocab.json` and `merges.txt`, or of
    /// `tokenizer.model`.
    ///
    /// - Parameters:
    ///   - opened: the directory itself, where somebody has looked at it.
    ///   - family: `model_type` of its `config.json`.
    ///   - tokenizerClass: that of `config.json`, where it has one.
    /// - Throws: `SystemError` where there is no tokenizer or it cannot be read, `DocumentError`
    ///   where it is none or asks for something that is not supported.
    package init(
        directory: String, opened: OpenFile? = nil, family: String, tokenizerClass: String?,
        followSymlinks: Bool = true, memory: Int? = nil
    ) throws {
        let files = Files(
            directory: directory, opened: opened, followSymlinks: followSymlinks)
        let memory = memory ?? .max
        let bytes = try files.readIfThere("tokenizer.json", Self.fileLimit)
        let config = try files.settings("tokenizer_config.json")
        let name =
            try config["tokenizer_class"].isNull
            ? tokenizerClass : config["tokenizer_class"].string()
        var settings = TokenizerSettings(
            tokenizerClass: .of(
                family: family, name: name, isByteLevel: bytes.map(Self.isByteLevel) ?? false),
            config: config, specialTokens: try files.settings("special_tokens_map.json"),
            added: try files.settings("added_tokens.json"))
        if let bytes {
            try self.init(
                bytes, path: joined(directory, "tokenizer.json"), memory: memory,
                settings: settings)
            return
        }
        switch settings.tokenizerClass.construction {
        case .vocabulary(let pipeline):
            let parts = try files.vocabulary(pipeline, settings, memory: memory)
            guard let parts else { throw try files.missing() }
            try self.init(parts, path: joined(directory, "vocab.json"), settings: settings)
        case .pieces(let pipeline):
            guard let bytes = try files.readIfThere("tokenizer.model", Self.fileLimit) else {
                throw try files.missing()
            }
            let path = joined(directory, "tokenizer.model")
            let file = try SentencePieceFile(bytes, path: path, memory: memory)
            settings.add(file, isStored: settings.tokenizerClass.takesFile)
            try self.init(
                TokenizerParts(file, pipeline, settings, bytes: bytes.count), path: path,
                settings: settings)
        case .nothing, .unknown:
            let older = ["vocab.json", "tokenizer.model"]
            guard older.contains(where: { (try? files.read($0, Self.fileLimit)) != nil }) else {
                throw try files.missing()
            }
            throw DocumentError(
                file: joined(directory, "tokenizer.json"), position: nil,
                reason: "is missing, and \(settings.tokenizerClass.name) is not made of other "
                    + "files here; write it: "
                    + "AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)",
                exitCode: .data)
        }
    }

    /// As transformers finds it: by the word.
    private static func isByteLevel(_ bytes: [UInt8]) -> Bool {
        bytes.span.firstIndex(of: Array("\"ByteLevel\"".utf8), from: 0) != nil
    }

    /// The files of a model directory.
    private struct Files {
        let directory: String
        let opened: OpenFile?
        let followSymlinks: Bool

        /// What there is instead of a tokenizer.
        func missing() throws -> any Error {
            let folder = try File(
                ".", in: directory, opened: opened, O_DIRECTORY, followSymlinks: followSymlinks)
            let names = try DirectoryEntry.list(folder).compactMap(\.name)
            return OtherTokenizer.error(names, in: directory)
                ?? SystemError("open", joined(directory, "tokenizer.json"), errno: ENOENT)
        }

        func read(_ name: String, _ limit: Int) throws -> [UInt8] {
            try File(name, in: directory, opened: opened, followSymlinks: followSymlinks)
                .readRegular(atMost: limit)
        }

        /// nil where there is no such file.
        func readIfThere(_ name: String, _ limit: Int) throws -> [UInt8]? {
            do {
                return try read(name, limit)
            } catch let error as SystemError where error.errno == ENOENT {
                return nil
            }
        }

        /// A file of settings, an object; null where there is none.
        func settings(_ name: String) throws -> Field {
            let path = joined(directory, name)
            guard let bytes = try readIfThere(name, settingsLimit) else {
                return Field(file: path, path: "", node: nil)
            }
            return try object(bytes, path: path, memory: .max).field
        }

        private func object(
            _ bytes: [UInt8], path: String, memory: Int
        ) throws(DocumentError) -> (field: Field, taken: Int) {
            let (node, taken) = try JSON.parseTokenizer(bytes, file: path, memory: memory)
            if node.members == nil {
                throw DocumentError(
                    file: path, position: nil, reason: "an object is expected", exitCode: .data)
            }
            return (Field(file: path, path: "", node: node), taken)
        }

        /// nil where there is no `vocab.json`.
        func vocabulary(
            _ pipeline: TokenizerClass.VocabularyPipeline, _ settings: TokenizerSettings,
            memory: Int
        ) throws -> TokenizerParts? {
            guard let tokens = try readIfThere("vocab.json", Tokenizer.fileLimit) else {
                return nil
            }
            guard let merges = try readIfThere("merges.txt", Tokenizer.fileLimit) else {
                throw try missing()
            }
            let bytes = tokens.count + merges.count
            // As of tokenizer.json, and what a line of merges takes in tables.
            let lines = merges.reduce(0) { $1 == 10 ? $0 + 1 : $0 }
            let tables = 3 * bytes + 128 * lines
            let (field, taken) = try object(
                tokens, path: joined(directory, "vocab.json"), memory: memory - tables)
            if let text = field.node.flatMap(MistakenContents.answer) {
                throw DocumentError(file: field.file, position: nil, reason: text, exitCode: .data)
            }
            let files = try VocabularyFiles(
                field, merges, path: joined(directory, "merges.txt"))
            return try TokenizerParts(
                files, pipeline, settings, bytes: (tables + taken, 2 * bytes + 64 * lines))
        }
    }
}

extension TokenizerSettings {
    /// What a `tokenizer.model` says of tokens that are looked for first and of special ones.
    fileprivate mutating func add(_ file: SentencePieceFile, isStored: Bool) {
        let place = Field(file: file.path, path: "pieces", node: nil)
        for piece in file.pieces where piece.isControl || piece.isUserDefined {
            ofModel.append((AddedToken(piece: piece.text, isSpecial: piece.isControl), place))
        }
        guard isStored else { return }
        let named = [
            ("bos_token", file.begin), ("eos_token", file.end), ("unk_token", file.unknown),
        ]
        namedByModel = named.filter { $0.1.id >= 0 }.map { ($0.0, $0.1.text) }
    }
}
