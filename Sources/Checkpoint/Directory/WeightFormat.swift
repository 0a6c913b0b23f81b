import Posix

/// The forms of weights that are read, and how their files are called.
///
/// Source: `utils/__init__.py` and `modeling_utils.py` of transformers.
enum WeightFormat: CaseIterable {
    case safetensors
    /// What `torch.save` writes.
    case torch

    /// Before a variant or a number.
    var stem: String { self == .safetensors ? "model" : "pytorch_model" }

    var ending: String { self == .safetensors ? "safetensors" : "bin" }

    /// All weights in one file.
    var fileName: String { "\(stem).\(ending)" }

    var indexName: String { "\(stem).\(ending).index.json" }

    func open(
        _ file: borrowing File, shard: Int, outputName: String
    ) throws -> WeightFile {
        switch self {
        case .safetensors:
            let file = try SafetensorsFile(file, shard: shard)
            return WeightFile(
                path: file.path, outputName: outputName, metadata: file.metadata,
                tensors: file.tensors)
        case .torch:
            return WeightFile(
                path: file.path, outputName: outputName, metadata: [],
                tensors: try TorchFile(file, shard: shard).tensors)
        }
    }

    /// The variant of a file's name, as in `model.fp16.safetensors`; nil for other names.
    func variant(ofFile name: String) -> String? {
        shard(name) == nil ? Self.variant(name, between: "\(stem).", and: ".\(ending)") : nil
    }

    /// The same for an index, as in `model.safetensors.index.fp16.json`.
    func variant(ofIndex name: String) -> String? {
        Self.variant(name, between: "\(stem).\(ending).index.", and: ".json")
    }

    private static func variant(
        _ name: String, between start: String, and end: String
    ) -> String? {
        guard name.hasPrefix(start), name.hasSuffix(end),
            name.utf8.count > start.utf8.count + end.utf8.count
        else { return nil }
        let middle = name.dropFirst(start.count).dropLast(end.count)
        return middle.contains(".") ? nil : String(middle)
    }

    /// One of several files by its name, as `model-00001-of-00003.safetensors`, with a variant
    /// before or behind the number.
    struct Shard {
        let number: Int
        /// What all files of one model have in common.
        let set: String
        let total: Int
    }

    func shard(_ name: String) -> Shard? {
        guard name.hasPrefix(stem), name.hasSuffix(".\(ending)") else { return nil }
        let middle = name.dropFirst(stem.count).dropLast(ending.count + 1)
        let parts = middle.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[2] == "of", parts[0].isEmpty || parts[0].first == ".",
            let number = Self.number(parts[1])
        else { return nil }
        let end = parts[3].split(separator: ".", omittingEmptySubsequences: false)
        guard end.count <= 2, let total = Self.number(end[0]), number >= 1, number <= total else {
            return nil
        }
        let variant = end.count == 2 ? ".\(end[1])" : ""
        return Shard(
            number: number, set: "\(stem)\(parts[0])-*-of-\(end[0])\(variant).\(ending)",
            total: total)
    }

    private static func number(_ text: Substring) -> Int? {
        let isNumber = !text.isEmpty && text.utf8.count <= 6
        return isNumber && text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(text) : nil
    }
}
