import Documents
import Posix
import Tensors

/// What a checkpoint made from another one will be: its files, their headers and sizes. Nothing is
/// written yet.
package struct CheckpointLayout: Sendable {
    package enum Edit: Sendable, Hashable {
        /// A new tensor in the same file as the source's tensor `after`, right behind it and those
        /// added there before.
        case add(TensorInfo, after: String)
        case remove(String)
        /// A tensor of the source in another shape.
        case resize(String, to: [Int])
    }

    struct Shard: Sendable {
        /// A file's name.
        let name: String
        let layout: SafetensorsLayout
    }

    package let source: Checkpoint
    /// The other files of the source, and which stay behind.
    package let companions: CompanionFiles
    let shards: [Shard]
    /// Tensors of the source that are looked through for NaN and infinity when they are copied;
    /// nil: all.
    let checked: Set<String>?
    /// Names in the output of tensors that have another one in the source, or of which an edit has
    /// said so.
    let names: [String: String]
    /// Tensors of the source that are not in the output.
    let removed: Set<String>
    /// nil where the weights are one file.
    let index: Node?

    /// Whether a tensor of the source, or one that was added, is in the output.
    func has(_ tensor: String) -> Bool { !removed.contains(tensor) }

    /// Disk space of the whole output, in bytes, but for what the caller adds to it.
    package var bytes: Int {
        (shards.map(\.layout.size) + [companions.bytes]).reduce(0) { sum, size in
            let (result, overflow) = sum.addingReportingOverflow(size)
            return overflow ? .max : result
        }
    }

    /// - Parameters:
    ///   - checked: what is looked through for NaN and infinity when it is copied; nil: all.
    ///   - rename: what a tensor of the source, or one that an edit adds, is called in the output.
    /// - Throws: `CheckpointError` where an edit does not fit the source.
    package init(
        _ source: Checkpoint, edits: [Edit], checked: Set<String>? = nil,
        rename: (String) -> String = { $0 }
    ) throws {
        self.source = source
        self.checked = checked
        let changes = try Changes(edits, of: source)
        var shards: [Shard] = []
        var names: [String: String] = [:]
        for shard in source.shards {
            let tensors = shard.tensors.flatMap { tensor in
                (changes.removed.contains(tensor.name) ? [] : [changes.info(of: tensor)])
                    + (changes.added[tensor.name] ?? [])
            }.map { info in
                let name = rename(info.name)
                if name == info.name { return info }
                names[info.name] = name
                return TensorInfo(name: name, type: info.type, shape: info.shape)
            }
            // A file whose only tensor went would be one that no index names.
            if tensors.isEmpty, source.index != nil { continue }
            let layout = try SafetensorsLayout(
                tensors, metadata: shard.metadata, file: shard.path)
            shards.append(Shard(name: shard.outputName, layout: layout))
        }
        self.shards = shards
        self.names = names
        removed = changes.removed
        index = source.index.map { Self.index($0, shards, isEdited: !edits.isEmpty) }
        companions = try CompanionFiles(
            of: ModelDirectory(
                source.directory, followSymlinks: source.followSymlinks, inputs: source.inputs,
                opened: source.opened),
            weights: source.weightNames)
    }

    /// The source's index with another `weight_map` and `metadata.total_size`, keys sorted as
    /// `save_pretrained` of transformers does.
    private static func index(_ source: Node, _ shards: [Shard], isEdited: Bool) -> Node {
        let places = shards.flatMap { shard in
            shard.layout.tensors.map {
                (name: $0.info.name, shard: shard.name, bytes: $0.range.count)
            }
        }
        let total = places.reduce(0) { $0 + $1.bytes }
        var metadata = source["metadata"] ?? Node(.null)
        // A count of parameters is true no more once tensors have come or gone.
        if isEdited { metadata = metadata.removing("total_parameters") }
        metadata = metadata.setting("total_size", to: Node(total))
        let sorted = places.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        return
            source
            .setting("metadata", to: metadata)
            .setting("weight_map", to: Node(object: sorted.map { ($0.name, Node($0.shard)) }))
    }
}

extension CheckpointLayout {
    /// The edits, checked and by tensor.
    private struct Changes {
        var added: [String: [TensorInfo]] = [:]
        var removed: Set<String> = []
        var resized: [String: [Int]] = [:]

        init(_ edits: [Edit], of source: Checkpoint) throws(CheckpointError) {
            var names: Set<String> = []
            for edit in edits {
                switch edit {
                case .add(let info, let after):
                    if source.tensor(named: info.name) != nil || !names.insert(info.name).inserted {
                        throw Self.failure(
                            source, info.name, "cannot be added; it is there already")
                    }
                    if source.tensor(named: after) == nil {
                        throw Self.failure(source, info.name, "cannot be added behind \(after)")
                    }
                    added[after, default: []].append(info)
                case .remove(let name):
                    if source.tensor(named: name) == nil || !removed.insert(name).inserted {
                        throw Self.failure(source, name, "cannot be removed; it is not there")
                    }
                case .resize(let name, let shape):
                    if source.tensor(named: name) == nil
                        || resized.updateValue(shape, forKey: name) != nil
                    {
                        throw Self.failure(source, name, "cannot be resized; it is not there")
                    }
                }
            }
        }

        func info(of tensor: TensorView) -> TensorInfo {
            TensorInfo(
                name: tensor.name, type: tensor.type, shape: resized[tensor.name] ?? tensor.shape)
        }

        private static func failure(
            _ source: Checkpoint, _ tensor: String, _ text: String
        ) -> CheckpointError {
            CheckpointError(file: source.directory, tensor: tensor, reason: .edit(text))
        }
    }
}

extension CheckpointLayout {
    /// Weights and biases of the output.
    package var parameters: Int {
        shards.reduce(0) { sum, shard in
            shard.layout.tensors.reduce(sum) { $0 + ($1.info.count ?? 0) }
        }
    }

    /// The bytes of all tensors of the output.
    package var tensorBytes: Int {
        shards.reduce(0) { sum, shard in
            shard.layout.tensors.reduce(sum) { $0 + $1.range.count }
        }
    }
}
