import Documents
import Glibc
import Posix
import Tensors

/// A Hugging Face model directory: `config.json` and its weights, in safetensors or as PyTorch
/// writes them, mapped and checked before anything is used.
///
/// Source: `modeling_utils.py` of transformers for which files are looked for, in which order.
package final class Checkpoint: Sendable {
    package let directory: String
    /// Without what it says of a form in which weights are stored and no longer read.
    package let config: Node
    /// As the file has it.
    package let storedConfig: Node
    /// What a person should know of it, though it can be used.
    package let warnings: [String]
    /// In the index's order of names; one where there is no index.
    package let shards: [WeightFile]
    /// nil where the weights are one file.
    package let index: Node?
    /// Names of the files of weights and of their index.
    let weightNames: Set<String>
    /// Shard by shard, in the order of their data.
    package let tensors: [TensorView]
    package let followSymlinks: Bool
    /// What was read of the directory, and will be.
    package let inputs: InputFiles
    /// What `directory` led to when it was looked at.
    package let opened: OpenFile?
    private let indices: [String: Int]

    package static let configName = "config.json"
    static let weightsName = WeightFormat.safetensors.fileName
    package static let indexName = WeightFormat.safetensors.indexName

    /// Maps and checks every file; reads no weights.
    ///
    /// - Parameters:
    ///   - followSymlinks: false refuses a symbolic link anywhere, in `directory` too.
    ///   - opened: the directory itself, where somebody has looked at it: it is read, whatever its
    ///     path leads to by now.
    /// - Throws: `CheckpointError` also where the model is quantised, `DocumentError` for what is
    ///   wrong in a JSON file, `SystemError` where a file cannot be read.
    package init(
        directory: String, followSymlinks: Bool = true, opened: OpenFile? = nil,
        inputs: InputFiles = InputFiles()
    ) throws {
        self.directory = directory
        self.followSymlinks = followSymlinks
        self.inputs = inputs
        self.opened = opened
        let reader = ModelDirectory(
            directory, followSymlinks: followSymlinks, inputs: inputs, opened: opened)
        let file = joined(directory, Self.configName)
        let repeated: [Node.Member]
        do {
            (storedConfig, repeated) = try reader.object(Self.configName)
        } catch let error as SystemError where error.errno == ENOENT {
            if let text = try reader.otherDirectory() {
                throw CheckpointError(file: directory, reason: .otherDirectory(text))
            }
            throw error
        }
        let form = try Quantisation.form(storedConfig, reader)
        guard var weights = try WeightFiles(reader) else {
            if let text = try reader.otherDirectory() {
                throw CheckpointError(file: directory, reason: .otherDirectory(text))
            }
            throw CheckpointError(
                file: directory, reason: .noWeights(others: try reader.otherWeights()))
        }
        let decoded = try Decoding(form, &weights.files)
        config = Quantisation.removed(form, from: storedConfig)
        warnings = Self.warnings(repeated, file: file) + decoded.warnings(file: file)
        shards = weights.files
        index = weights.index
        weightNames = weights.names
        tensors = weights.tensors
        try Quantisation.check(tensors)
        indices = Dictionary(
            tensors.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// One for each of the first keys that stand more than once.
    private static func warnings(_ repeated: [Node.Member], file: String) -> [String] {
        repeated.prefix(10).map {
            "\(escaped(file)):\($0.position.line): the key '\(escaped($0.key, limit: 80))' stands "
                + "there again; its last value counts"
        }
    }

    /// `config.json` alone.
    /// - Throws: as `init`.
    package static func config(
        directory: String, followSymlinks: Bool, opened: OpenFile?
    ) throws -> Node {
        try ModelDirectory(
            directory, followSymlinks: followSymlinks, inputs: InputFiles(), opened: opened
        ).object(configName).node
    }

    /// Names in the directory that are UTF-8.
    package func companionNames() throws -> Set<String> { try reader.names() }

    /// A JSON file of the directory that holds an object.
    package func companion(_ name: String) throws -> Node { try reader.object(name).node }

    private var reader: ModelDirectory {
        ModelDirectory(directory, followSymlinks: followSymlinks, inputs: inputs, opened: opened)
    }

    /// In the order of `tensors`.
    package var tensorNames: [String] { tensors.map(\.name) }

    package func tensor(named name: String) -> TensorView? { indices[name].map { tensors[$0] } }

    /// The bytes of all tensors.
    package var bytes: Int { tensors.reduce(0) { $0 + $1.byteCount } }

    /// A tensor of weights that the model must have.
    /// - Throws: `CheckpointError` where it is missing, misshapen or not F32, F16 or BF16.
    package func expect(_ name: String, shape: [Int]) throws(CheckpointError) -> TensorView {
        guard let tensor = tensor(named: name) else {
            throw CheckpointError(file: directory, tensor: name, reason: .missing)
        }
        guard tensor.shape == shape else {
            throw CheckpointError(
                file: tensor.path, tensor: name,
                reason: .shape(found: tensor.shape, expected: shape))
        }
        guard tensor.type.isWeight else {
            throw CheckpointError(file: tensor.path, tensor: name, reason: .notWeights(tensor.type))
        }
        return tensor
    }
}
