import Checkpoint
import Manifests
import Posix
import Tensors
import Tokenizer
import Transformer

/// Reads the tokens that a manifest names.
struct Texts {
    let model: Model
    let paths: Roots
    /// Read when the first text needs it.
    private var tokenizer: Tokenizer?

    init(model: Model, paths: Roots) {
        self.model = model
        self.paths = paths
    }

    /// The calibration windows, checked against the model.
    mutating func calibration(_ wanted: Manifest.Calibration) throws -> TokenWindows {
        let windows: TokenWindows
        let path: String
        switch wanted.source {
        case .text(let name):
            path = try file(name)
            try model.check(length: wanted.length)
            let tokens = try tokens(in: path)
            let (needed, overflow) = wanted.samples.multipliedReportingOverflow(by: wanted.length)
            // Windows may overlap, but fewer tokens than asked for would be the same ones over and
            // over.
            guard !overflow, tokens.count >= needed,
                let drawn = TokenWindows(
                    drawing: wanted.samples, length: wanted.length, from: tokens,
                    seed: wanted.seed)
            else {
                throw PlanError(
                    place: path,
                    reason: .tooFewTokens(
                        found: tokens.count, needed: overflow ? .max : needed,
                        purpose: "calibration with \(wanted.samples) samples of \(wanted.length)"))
            }
            windows = drawn
        case .tokens(let name):
            path = try file(name)
            let tensor = try tensor("calibration", in: path, dimensions: 2)
            guard tensor.count > 0 else {
                throw PlanError(
                    place: path,
                    reason: .tensor(
                        "calibration", found: "empty", expected: "[samples, length]"))
            }
            windows = TokenWindows(tokens: Self.integers(tensor), length: tensor.shape[1])
            try model.check(length: windows.length)
        }
        try model.check(tokens: windows.tokens, file: path)
        return windows
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
            tokens = Self.integers(try tensor("evaluation", in: path, dimensions: 1))
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

    private mutating func tokens(in path: String, stopAfter limit: Int = .max) throws -> [Int32] {
        try TextSource(path: path).tokens(with: loadedTokenizer(), stopAfter: limit)
    }

    mutating func loadedTokenizer() throws -> Tokenizer {
        if let tokenizer { return tokenizer }
        let directory = model.checkpoint.directory
        do {
            let loaded = try Tokenizer(
                directory: directory, family: model.architecture.name,
                tokenizerClass: model.checkpoint.config["tokenizer_class"]?.string)
            tokenizer = loaded
            return loaded
        } catch let error as SystemError where error.exitCode == .noInput {
            throw PlanError(place: directory, reason: .noTokenizer)
        }
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

    private static func integers(_ tensor: TensorView) -> [Int32] {
        (0..<tensor.count).map {
            tensor.bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Int32.self)
        }
    }
}
