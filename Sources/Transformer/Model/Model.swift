import Checkpoint
import Documents
import Posix
import Synchronization
import Tensors

/// A checkpoint whose tensors have all been found and have the shapes that `config.json` says.
package final class Model: Sendable {
    package let checkpoint: Checkpoint
    package let architecture: Architecture
    package let configuration: ModelConfiguration
    /// What stands for the first part of names in the checkpoint: a base model's are without
    /// `model.`.
    private let prefix: Prefix
    /// The names of the embedding table and of the head, which may be the same.
    let embeddingName: String
    package let headName: String
    /// The head is the embedding table, and the checkpoint stores it a second time.
    package let storesTiedHead: Bool
    /// Biases of the attention's scores; nil: there are none.
    let alibi: Alibi?
    /// How the checkpoint holds the experts; nil: the model has none.
    let expertForm: Architecture.Mixture.Form?
    /// Inside a block.
    let routerName: String
    private let rotaryTables = Mutex<[Rotation: RotaryTable]>([:])

    /// - Throws: `ModelError` or `CheckpointError`, before any weight is looked at but those of a
    ///   head that the embedding table may be.
    package init(_ checkpoint: Checkpoint) throws {
        let file = "\(checkpoint.directory)/config.json"
        let reader = ConfigReader(config: checkpoint.config, file: file)
        if reader.value("model_type") == nil { throw reader.missing("model_type") }
        let name = try reader.text("model_type", default: "")
        guard let architecture = Architecture.of(checkpoint.config, named: name) else {
            if let kind = Architecture.named(name), let key = kind.settingsKey,
                let found = checkpoint.config[key]?["model_type"]
            {
                throw ConfigReader(config: .object(["\(key).model_type": found]), file: file)
                    .wrong(
                        "\(key).model_type",
                        expected: "a language model that is supported in \(name)")
            }
            throw ModelError(
                file: file,
                reason: .family(found: name, supported: Architecture.supported))
        }
        self.checkpoint = checkpoint
        self.architecture = architecture
        configuration = try ModelConfiguration(
            checkpoint.config, architecture: architecture, file: file)
        prefix = Prefix(checkpoint, architecture.names)
        (expertForm, routerName) = Self.experts(checkpoint, architecture, configuration, prefix)
        (embeddingName, headName, storesTiedHead) = try Self.ends(
            checkpoint, architecture.names, prefix,
            isTied: configuration.tieWordEmbeddings)
        if case .linearBias(let kind) = configuration.position {
            alibi = Alibi(kind, heads: configuration.numAttentionHeads)
        } else {
            alibi = nil
        }
        _ = try usedTensors()
    }

    /// A name of `Architecture.Names` as the checkpoint has it.
    package func name(_ full: String) -> String { prefix.name(full) }

    /// Whether what the layers of a stage read comes straight from a norm.
    package func isNormalised(_ stage: Stage) -> Bool {
        switch stage {
        case .attention: configuration.attentionNorm != nil
        case .keyValueLatent, .queryLatent: true
        case .feedForward: configuration.feedForwardNorm != nil
        case .output, .down: false
        }
    }

    /// Blocks of the model.
    package var blocks: Range<Int> { 0..<configuration.numHiddenLayers }

    /// Weights and biases of the whole checkpoint.
    package var parameters: Int { checkpoint.tensors.reduce(0) { $0 + $1.count } }

    /// Of the head's tensor, where it is not the embedding's.
    package var ownHeadName: String { Self.ownHeadName(checkpoint, architecture.names) }

    /// A rotation of at least the first `positions` positions; it has no `long`.
    func table(of rotation: Rotation, positions: Int) -> RotaryTable {
        rotaryTables.withLock { tables in
            if let table = tables[rotation], table.positions >= positions { return table }
            // By doubling, so that a long sequence makes few tables.
            var count = 1024
            while count < positions { count *= 2 }
            let made = RotaryTable(
                positions: count, inverseFrequencies: rotation.frequencies,
                factor: rotation.factor, pairs: rotation.pairs)
            tables[rotation] = made
            return made
        }
    }

    /// - Throws: `ModelError` where a sequence has more tokens than the model has positions.
    package func check(length: Int) throws {
        if length > configuration.maxPositionEmbeddings {
            throw ModelError(
                file: checkpoint.directory,
                reason: .tooLong(length: length, positions: configuration.maxPositionEmbeddings))
        }
    }

    /// - Throws: `ModelError.tokenOutOfRange` for the first token that has no embedding.
    package func check(tokens: [Int32], file: String) throws {
        if let token = tokens.first(where: { $0 < 0 || $0 >= configuration.vocabSize }) {
            throw ModelError(
                file: file,
                reason: .tokenOutOfRange(
                    token: Int(token), vocabulary: configuration.vocabSize))
        }
    }

    /// The checkpoint's tensors block by block, and those outside all blocks.
    package var tensorsByBlock: (blocks: [[TensorView]], outside: [TensorView]) {
        let prefix = name("\(architecture.names.blocks).")
        var blocks = [[TensorView]](repeating: [], count: configuration.numHiddenLayers)
        var outside: [TensorView] = []
        for tensor in checkpoint.tensors {
            let index =
                tensor.name.hasPrefix(prefix)
                ? Int(tensor.name.dropFirst(prefix.count).prefix { $0 != "." }) : nil
            if let index, blocks.indices.contains(index) {
                blocks[index].append(tensor)
            } else {
                outside.append(tensor)
            }
        }
        return (blocks, outside)
    }

    /// Reads every weight that is used; a job checks each as it comes to it instead.
    /// - Throws: `CheckpointError` that names the tensor and the element of the first NaN or
    ///   infinity.
    package func checkFinite(pool: WorkerPool) throws {
        let used = try usedTensors()
        let tensors = checkpoint.tensors.filter { used.contains($0.name) }
        try pool.forEach(tensors.count) { try tensors[$0].checkFinite() }
    }
}
