import Posix

extension CheckpointError {
    package var description: String {
        let place = tensor.map { ": tensor \(escaped($0))" } ?? ""
        return "\(escaped(file))\(place): \(text)"
    }

    private var text: String {
        switch reason {
        case .link:
            return
                "is a symbolic link to what is no file of the same root, and is not followed; copy "
                + "the model without links ('cp -rL')"
        case .noWeights(let others):
            return OtherWeights.text(others)
        case .otherDirectory(let text), .mistaken(let text), .torch(let text),
            .encoding(let text):
            return text
        case .severalWeights(let names):
            let list = names.map { escaped($0, limit: 80) }.joined(separator: ", ")
            return "holds weights in several variants (\(list)); leave only those that are meant "
                + "there, or name them as plain ones are"
        case .incompleteShards(let set, let absent, let count):
            return "of the shards \(escaped(set, limit: 80)) \(count) "
                + "\(count == 1 ? "is" : "are") not there, first number \(absent); download "
                + "\(count == 1 ? "it" : "them") too"
        case .quantised(let method, let sign): return Self.quantised(method, sign)
        case .tooShort(let bytes):
            return "\(bytes) bytes; expected at least the 8 of a safetensors file's header length"
        case .headerTooLarge(let bytes):
            return
                "a header of \(bytes) bytes; at most \(SafetensorsHeader.maximumSize) are allowed"
        case .headerBeyondFile(let bytes, let file):
            return
                "a header of \(bytes) bytes in a file of \(file); it is cut short or no safetensors"
        case .tooManyTensors(let count):
            return "\(count) tensors in one file; at most \(SafetensorsHeader.maximumTensors) are "
                + "allowed: split it into shards"
        case .header(let text): return "wrong header: \(text)"
        case .unknownType(let type): return "unknown dtype '\(escaped(type, limit: 40))'"
        case .namedTwice: return "is named twice"
        case .overflow(let shape):
            return "shape \(shape) is too large, or no whole number of bytes in its dtype"
        case .byteCount(let found, let expected):
            return "data_offsets span \(found) bytes; shape and dtype need \(expected)"
        case .overlap(let other): return "overlaps tensor \(escaped(other))"
        case .hole(let bytes): return "\(bytes) bytes before it belong to no tensor"
        case .truncated(let missing):
            return
                "the file ends \(missing) bytes before the tensor does; copy or download it again"
        case .trailing(let bytes): return "\(bytes) bytes after the last tensor belong to none"
        case .index(let text): return text
        case .shardName(let name):
            return "'\(escaped(name, limit: 80))' is no file name; a shard lies beside its index"
        case .absentShard(let shard):
            return "names \(escaped(shard)), which is not there; copy or download it again"
        case .notInShard(let shard, let other):
            let found = other.map { "; it is in \(escaped($0))" } ?? ""
            return "the index says it is in \(escaped(shard)), which lacks it\(found)"
        case .inTwoShards(let first): return "is in \(escaped(first)) too"
        case .notInIndex: return "the index does not name it"
        case .missing: return "is missing; config.json says that the model has it"
        case .shape(let found, let expected):
            return "found shape \(found), expected \(expected) after config.json"
        case .notWeights(let type):
            return "found \(type.rawValue), expected weights in F32, F16 or BF16"
        case .nonFinite(let index, let shape):
            return "NaN or infinity at \(position(of: index, in: shape))"
        case .edit(let text): return text
        case .written(let bytes, let expected): return "given \(bytes) bytes, expected \(expected)"
        case .unwritten: return "was never written"
        }
    }

    private static func quantised(_ method: String, _ sign: Sign) -> String {
        let method = escaped(method, limit: 80)
        let advice = "prune the model before it is quantised, and quantise the output"
        return switch sign {
        case .key(let key):
            "'\(key)' says that the model is quantised (\(method)); \(advice). If its weights are "
                + "plain, remove the key"
        case .file:
            "says that the model beside it is quantised (\(method)); \(advice). If its weights are "
                + "plain, remove the file"
        case .tensor:
            "belongs to a quantised layer (\(method)); \(advice). If the layers' weights are "
                + "plain, remove the tensor"
        }
    }

    /// `[row, column]` for a matrix.
    private func position(of index: Int, in shape: [Int]) -> String {
        var rest = index
        var result: [Int] = []
        for size in shape.reversed() where size > 0 {
            result.insert(rest % size, at: 0)
            rest /= size
        }
        return "\(result)"
    }
}
