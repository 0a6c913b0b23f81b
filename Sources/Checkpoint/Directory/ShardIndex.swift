import Documents
import Glibc
import Posix

/// `model.safetensors.index.json` or one in its place: which tensor is in which file.
struct ShardIndex {
    /// Bytes; enough for some half a million tensors.
    static let limit = 64 << 20

    let node: Node
    /// Names of files, sorted.
    let shards: [String]
    private let file: String
    /// In the index's order; nil: there is no index, and the shards are all there is.
    private let weights: [(tensor: String, shard: String)]?

    init(_ bytes: [UInt8], file: String) throws {
        let node = try JSON.parse(bytes, file: file)
        guard let members = node["weight_map"]?.members else {
            throw CheckpointError(
                file: file, reason: .index("expected the object 'weight_map', tensor: file"))
        }
        var weights: [(tensor: String, shard: String)] = []
        for member in members {
            guard let shard = member.value.string else {
                throw CheckpointError(
                    file: file, tensor: member.key,
                    reason: .index("expected a file's name, a string"))
            }
            guard Self.isFileName(shard) else {
                throw CheckpointError(file: file, tensor: member.key, reason: .shardName(shard))
            }
            weights.append((member.key, shard))
        }
        if weights.isEmpty {
            throw CheckpointError(file: file, reason: .index("'weight_map' names no tensor"))
        }
        self.node = node
        self.file = file
        self.weights = weights
        shards = Set(weights.map(\.shard)).sorted()
    }

    /// For shards that have none.
    init(unindexed shards: [String], directory: String) {
        node = .object([:])
        self.shards = shards
        file = directory
        weights = nil
    }

    private static func isFileName(_ name: String) -> Bool {
        !name.isEmpty && name != "." && name != ".." && name.utf8.count <= NAME_MAX
            && !name.utf8.contains {
                $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") || $0 == 0
            }
    }

    func open(
        _ name: String, shard: Int, _ format: WeightFormat, _ directory: ModelDirectory,
        outputName: String
    ) throws -> WeightFile {
        guard let opened = try directory.openIfPresent(name) else {
            throw CheckpointError(file: file, reason: .absentShard(name))
        }
        return try format.open(opened, shard: shard, outputName: outputName)
    }

    /// Index and shards name the same tensors, each once.
    func check(_ files: [WeightFile]) throws(CheckpointError) {
        let tensors = files.flatMap(\.tensors)
        var found: [String: Int] = [:]
        for tensor in tensors {
            if let first = found.updateValue(tensor.shard, forKey: tensor.name) {
                throw CheckpointError(
                    file: tensor.path, tensor: tensor.name,
                    reason: .inTwoShards(first: shards[first]))
            }
        }
        guard let weights else { return }
        var named: Set<String> = []
        for (tensor, shard) in weights {
            let place = found[tensor].map { shards[$0] }
            if place != shard {
                throw CheckpointError(
                    file: file, tensor: tensor, reason: .notInShard(shard, foundIn: place))
            }
            if !named.insert(tensor).inserted {
                throw CheckpointError(file: file, tensor: tensor, reason: .namedTwice)
            }
        }
        if let tensor = tensors.first(where: { !named.contains($0.name) }) {
            throw CheckpointError(file: tensor.path, tensor: tensor.name, reason: .notInIndex)
        }
    }
}
