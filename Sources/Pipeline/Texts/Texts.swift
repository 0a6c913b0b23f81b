import Checkpoint
import Manifests
import Posix
import Tensors
import Tokenizer
import Transformer

/// Reads the tokens that a manifest names, within the memory that the job has.
struct Texts {
    let model: Model
    let paths: Roots
    let check: @Sendable () throws -> Void
    private(set) var memory: ReadingMemory
    /// Read when the first text needs it.
    private var tokenizer: Tokenizer?

    /// - Parameters:
    ///   - memory: `limits.memory`, in bytes.
    ///   - check: called while texts are read; what it throws ends that.
    init(
        model: Model, paths: Roots, memory: Int = .max,
        check: @escaping @Sendable () throws -> Void = {}
    ) {
        self.model = model
        self.paths = paths
        self.memory = ReadingMemory(limit: memory)
        self.check = check
    }

    /// The calibration windows, checked against the model.
    mutating func calibration(_ wanted: Manifest.Calibration) throws -> TokenWindows {
        let windows: TokenWindows
        let path: String
        switch wanted.source {
        case .text(let name):
            path = try file(name)
            try model.check(length: wanted.length)
            windows = try draw(wanted, from: path)
        case .tokens(let name):
            path = try file(name)
            let tensor = try tensor("calibration", in: path, dimensions: 2)
            guard tensor.count > 0 else {
                throw PlanError(
                    place: path,
                    reason: .tensor(
                        "calibration", found: "empty", expected: "[samples, length]"))
            }
            let given = [
                ("samples", wanted.givenSamples, tensor.shape[0]),
                ("length", wanted.givenLength, tensor.shape[1]),
            ]
            for (key, asked, found) in given {
                guard let asked, asked != found else { continue }
                throw PlanError(
                    place: path, reason: .disagrees(key: key, asked: asked, found: found))
            }
            windows = TokenWindows(
                tokens: try integers(tensor, path), length: tensor.shape[1])
            try model.check(length: windows.length)
        }
        try model.check(tokens: windows.tokens, file: path)
        return windows
    }

    /// Windows of a text. All of its tokens count for where they are, but only so many are kept; of
    /// a text with more, tokens are only counted, and those of the windows taken when it is read
    /// again.
    private mutating func draw(
        _ wanted: Manifest.Calibration, from path: String
    ) throws -> TokenWindows {
        let tokenizer = try loadedTokenizer()
        let source = source(path, tokenizer)
        var (tokens, count) = ([Int32](), 0)
        let kept = memory.keptBytes / 4
        let document = try source.forEachPiece(with: tokenizer) { piece in
            count += piece.count
            if count <= kept { tokens += piece } else { tokens = [] }
            return true
        }
        memory.add(tokenizer, tokens: count, document: document)
        let (needed, overflow) = wanted.samples.multipliedReportingOverflow(by: wanted.length)
        // Windows may overlap, but fewer tokens than asked for would be the same ones over and
        // over.
        guard !overflow, count >= needed, count >= wanted.length else {
            throw PlanError(
                place: path,
                reason: .tooFewTokens(
                    found: count, needed: overflow ? .max : needed,
                    purpose: "calibration with \(wanted.samples) samples of \(wanted.length)"))
        }
        try memory.check(8 * needed, place: path)
        if count <= kept,
            let drawn = TokenWindows(
                drawing: wanted.samples, length: wanted.length, from: tokens, seed: wanted.seed)
        {
            return drawn
        }
        var filling = WindowFilling(
            starts: TokenWindows.starts(
                wanted.samples, length: wanted.length, of: count, seed: wanted.seed),
            length: wanted.length)
        try source.forEachPiece(with: tokenizer) { piece in
            filling.add(piece)
            return !filling.isComplete
        }
        if !filling.isComplete { throw PlanError(place: path, reason: .changed) }
        return TokenWindows(tokens: filling.tokens, length: wanted.length)
    }

    /// What the models are compared on, checked against the model.
    mutating func evaluation(_ wanted: Manifest.Evaluation) throws -> Evaluation {
        Evaluation(
            windows: try wanted.source.map { try windows(of: $0, wanted) },
            questions: try wanted.choices.map { try questions(in: file($0)) })
    }

    private mutating func windows(
        of source: Manifest.Source, _ wanted: Manifest.Evaluation
    ) throws -> TokenWindows {
        try model.check(length: wanted.length)
        let tokens: [Int32]
        let path: String
        // Only what the first windows need is read.
        let limit = wanted.windows.map { $0.multipliedReportingOverflow(by: wanted.length) }
        let stop = limit.map { $0.overflow ? Int.max : $0.partialValue } ?? .max
        switch source {
        case .text(let name):
            path = try file(name)
            tokens = try self.tokens(in: path, stopAfter: stop)
        case .tokens(let name):
            path = try file(name)
            tokens = try integers(
                tensor("evaluation", in: path, dimensions: 1), path, stopAfter: stop)
        }
        let needed = limit == nil ? wanted.length : stop
        guard tokens.count >= needed,
            let windows = TokenWindows(
                cutting: tokens, length: wanted.length, limit: wanted.windows)
        else {
            let purpose = wanted.windows.map { "evaluation with \($0) windows of \(wanted.length)" }
            throw PlanError(
                place: path,
                reason: .tooFewTokens(
                    found: tokens.count, needed: needed,
                    purpose: purpose ?? "an evaluation window"))
        }
        try model.check(tokens: windows.tokens, file: path)
        return windows
    }

    /// Where a text is, noted before it is read.
    private func file(_ name: String) throws -> String {
        let file = try paths.fileToRead(name)
        try model.checkpoint.inputs.note(file.path, file.status())
        return file.path
    }

    /// All tokens of a text, or the first ones: they are all used.
    private mutating func tokens(in path: String, stopAfter limit: Int) throws -> [Int32] {
        let tokenizer = try loadedTokenizer()
        var tokens: [Int32] = []
        let memory = memory
        let document = try source(path, tokenizer).forEachPiece(
            with: tokenizer, stopAfter: limit
        ) { piece in
            tokens += piece
            // An array that grows is there twice.
            try memory.check(8 * tokens.count, place: path)
            return true
        }
        self.memory.add(tokenizer, tokens: tokens.count, document: document)
        return tokens
    }

    func source(_ path: String, _ tokenizer: Tokenizer) -> TextSource {
        TextSource(
            path: path, documentLimit: memory.documentLimit(tokenizer),
            followSymlinks: paths.followSymlinks, check: check)
    }

    mutating func loadedTokenizer() throws -> Tokenizer {
        if let tokenizer { return tokenizer }
        let checkpoint = model.checkpoint
        let loaded = try ModelTokenizer.load(
            checkpoint.directory, opened: checkpoint.opened, family: model.architecture.name,
            checkpoint.config, paths, memory: memory.forTokenizer)
        // What reading it has taken besides goes back.
        releaseFreedMemory()
        tokenizer = loaded
        memory.add(loaded)
        return loaded
    }

    private func tensor(_ name: String, in path: String, dimensions: Int) throws -> TensorView {
        let expected = dimensions == 1 ? "int32 [tokens]" : "int32 [samples, length]"
        let file = try SafetensorsFile(path, followSymlinks: paths.followSymlinks)
        guard let tensor = file.tensor(named: name) else {
            throw PlanError(
                place: path, reason: .tensor(name, found: "missing", expected: expected))
        }
        guard tensor.type == .int32, tensor.shape.count == dimensions else {
            throw PlanError(
                place: path,
                reason: .tensor(
                    name, found: "\(tensor.type.rawValue) \(tensor.shape)",
                    expected: expected))
        }
        return tensor
    }

    private func integers(
        _ tensor: TensorView, _ path: String, stopAfter limit: Int = .max
    ) throws -> [Int32] {
        let count = min(tensor.count, limit)
        try memory.check(4 * count, place: path)
        return tensor.withBytes(0..<4 * count) { bytes in
            (0..<count).map { bytes.unsafeLoadUnaligned(fromByteOffset: 4 * $0, as: Int32.self) }
        }
    }
}
