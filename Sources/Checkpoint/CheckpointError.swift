import Posix
import Tensors

/// What is wrong with a checkpoint or one of its files.
package struct CheckpointError: Failure, Hashable {
    package enum Reason: Hashable, Sendable {
        // The directory.
        case link
        /// It is no directory of one model: what it is, and what to do.
        case otherDirectory(String)
        case noWeights(others: [String])
        /// Variants, or sets of shards, of which one would have to be chosen.
        case severalWeights([String])
        case incompleteShards(String, absent: Int, count: Int)
        case quantised(method: String, by: Sign)

        // One file. Source: the safetensors format's documentation.
        /// Something else stands in its place: what, and what to do.
        case mistaken(String)
        case tooShort(bytes: Int)
        case headerTooLarge(bytes: UInt64)
        case headerBeyondFile(bytes: UInt64, file: Int)
        case header(String)
        case tooManyTensors(Int)
        case unknownType(String)
        case namedTwice
        case overflow(shape: [Int])
        case byteCount(found: Int, expected: Int)
        case overlap(with: String)
        case hole(bytes: Int)
        case truncated(missing: Int)
        case trailing(bytes: Int)

        /// An archive of PyTorch's: what is wrong in it, and where.
        case torch(String)
        /// Elements that are to be decoded and cannot be.
        case encoding(String)

        // Index and shards.
        case index(String)
        case shardName(String)
        case absentShard(String)
        case notInShard(String, foundIn: String?)
        case inTwoShards(first: String)
        case notInIndex

        // What the model needs.
        case missing
        case shape(found: [Int], expected: [Int])
        case notWeights(ElementType)
        case nonFinite(index: Int, shape: [Int])

        // Writing.
        case edit(String)
        case written(bytes: Int, expected: Int)
        case unwritten
    }

    /// What says that a model is quantised.
    package enum Sign: Hashable, Sendable { case key(String), file, tensor }

    package let file: String
    package let tensor: String?
    package let reason: Reason

    package init(file: String, tensor: String? = nil, reason: Reason) {
        self.file = file
        self.tensor = tensor
        self.reason = reason
    }

    package var exitCode: ExitCode {
        switch reason {
        case .noWeights, .absentShard, .otherDirectory, .incompleteShards: .noInput
        case .link: .notPermitted
        case .edit, .written, .unwritten: .software
        default: .data
        }
    }
}
