import Documents
import Posix

/// The weights of a model directory, in whichever of the forms that are read it has them.
struct WeightFiles {
    /// In the index's order of names; one where there is no index.
    var files: [WeightFile]
    /// What `weight_map` and `metadata` are to replace in an output; nil: the weights are one file.
    let index: Node?
    /// Names in the directory: of the weights and their index.
    let names: Set<String>

    var tensors: [TensorView] { files.flatMap(\.tensors) }

    /// Plain names come first, safetensors before others; then variants; then shards without an
    /// index.
    /// - Returns: nil where there are none that are read.
    init?(_ directory: ModelDirectory) throws {
        for format in WeightFormat.allCases {
            if let found = try Self.one(format, format.fileName, directory)
                ?? Self.indexed(format, format.indexName, isPlain: true, directory)
            {
                self = found
                return
            }
        }
        let names = try directory.names().sorted()
        for format in WeightFormat.allCases {
            if let found = try Self.variant(format, names, directory)
                ?? Self.unindexed(format, names, directory)
            {
                self = found
                return
            }
        }
        return nil
    }

    private init(files: [WeightFile], index: Node?, names: Set<String>) {
        self.files = files
        self.index = index
        self.names = names
    }

    private static func one(
        _ format: WeightFormat, _ name: String, _ directory: ModelDirectory
    ) throws -> WeightFiles? {
        guard let file = try directory.openIfPresent(name) else { return nil }
        let output = WeightFormat.safetensors.fileName
        return WeightFiles(
            files: [try format.open(file, shard: 0, outputName: output)], index: nil, names: [name])
    }

    /// - Parameter isPlain: the files of safetensors keep their names.
    private static func indexed(
        _ format: WeightFormat, _ name: String, isPlain: Bool, _ directory: ModelDirectory
    ) throws -> WeightFiles? {
        guard let bytes = try directory.readIfPresent(name, limit: ShardIndex.limit) else {
            return nil
        }
        let index = try ShardIndex(bytes, file: joined(directory.path, name))
        return try open(
            index, format, keepsNames: isPlain && format == .safetensors, also: [name], directory)
    }

    private static func open(
        _ index: ShardIndex, _ format: WeightFormat, keepsNames: Bool, also names: Set<String>,
        _ directory: ModelDirectory
    ) throws -> WeightFiles {
        let files = try index.shards.enumerated().map { number, name in
            try index.open(
                name, shard: number, format, directory,
                outputName: keepsNames
                    ? name : outputName(number + 1, of: index.shards.count))
        }
        try index.check(files)
        return WeightFiles(
            files: files, index: index.node, names: names.union(index.shards))
    }

    private static func outputName(_ number: Int, of total: Int) -> String {
        func digits(_ number: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, 5 - text.utf8.count)) + text
        }
        return "model-\(digits(number))-of-\(digits(total)).safetensors"
    }

    /// - Throws: `CheckpointError` where there are several: they hold different weights.
    private static func variant(
        _ format: WeightFormat, _ names: [String], _ directory: ModelDirectory
    ) throws -> WeightFiles? {
        let files = names.filter { format.variant(ofFile: $0) != nil }
        let indices = names.filter { format.variant(ofIndex: $0) != nil }
        try checkSingle(files + indices, directory)
        if let name = files.first { return try one(format, name, directory) }
        return try indices.first.flatMap {
            try indexed(format, $0, isPlain: false, directory)
        }
    }

    private static func checkSingle(
        _ names: [String], _ directory: ModelDirectory
    ) throws(CheckpointError) {
        if names.count > 1 {
            throw CheckpointError(
                file: directory.path, reason: .severalWeights(Array(names.prefix(5))))
        }
    }

    /// Shards whose names tell that they are complete.
    private static func unindexed(
        _ format: WeightFormat, _ names: [String], _ directory: ModelDirectory
    ) throws -> WeightFiles? {
        let shards = names.compactMap { name in format.shard(name).map { (name: name, is: $0) } }
        let sets = Set(shards.map(\.is.set)).sorted()
        try checkSingle(sets, directory)
        guard let first = shards.first else { return nil }
        let found = Set(shards.map(\.is.number))
        if found.count < first.is.total {
            let absent = (1...first.is.total).first { !found.contains($0) } ?? 0
            throw CheckpointError(
                file: directory.path,
                reason: .incompleteShards(
                    first.is.set, absent: absent, count: first.is.total - found.count))
        }
        return try open(
            ShardIndex(unindexed: shards.map(\.name), directory: directory.path), format,
            keepsNames: false, also: [], directory)
    }
}
