import Posix

/// Where a manifest's `model` is, and what it is where it is no directory.
package enum ModelPath {
    /// The directory itself, or, where it is a model's in the hub's cache, the snapshot there that
    /// is the newest.
    /// - Throws: `RootsError`, or `PlanError` that says what was named instead and what to do.
    package static func directory(_ path: String, _ paths: Roots) throws -> OpenFile {
        do {
            return try paths.directoryToRead(snapshot(path, paths) ?? path)
        } catch let error as RootsError {
            guard let advice = advice(path, error.reason) else { throw error }
            throw PlanError(place: path, reason: .modelPath(advice, error.exitCode))
        }
    }

    /// The file that names the newest snapshot; nil where `path` is no model's directory in the
    /// hub's cache. Source: `file_download.py` of huggingface_hub.
    package static func reference(_ path: String, _ paths: Roots) -> OpenFile? {
        guard path.split(separator: "/").last?.hasPrefix("models--") == true else { return nil }
        return try? paths.fileToRead(joined(path, "refs/main"))
    }

    private static func snapshot(_ path: String, _ paths: Roots) throws -> String? {
        guard let reference = reference(path, paths) else { return nil }
        let bytes = try File(reopening: reference).readRegular(atMost: 256)
        let name = String(decoding: bytes, as: UTF8.self).prefix { !$0.isWhitespace }
        guard !name.isEmpty, !name.contains("/"), name != ".", name != ".." else { return nil }
        return joined(path, "snapshots/\(name)")
    }

    private static func advice(_ path: String, _ reason: RootsError.Reason) -> String? {
        switch reason {
        case .notDirectory: return file(path)
        case .notFound where isHubID(path):
            return
                "not found; it looks like the id of a model on the hub, and models are read from "
                + "directories: download it first ('hf download \(path) --local-dir DIR') and name "
                + "DIR"
        case .notFound where path.contains("://"):
            return
                "is an address, and models are read from directories; download the model first and "
                + "name its directory"
        default: return nil
        }
    }

    /// `org/name`, as the hub writes it.
    private static func isHubID(_ path: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == 2
            && parts.allSatisfy { part in
                guard let first = part.utf8.first, isLetter(first) else { return false }
                return part.utf8.allSatisfy { isLetter($0) || [0x2D, 0x2E, 0x5F].contains($0) }
            }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    /// What a file is by its name, and what to name instead.
    private static func file(_ path: String) -> String {
        let name = lastName(path)?.lowercased() ?? ""
        func ends(_ suffixes: String...) -> Bool { suffixes.contains(where: name.hasSuffix) }
        if ends(".safetensors.index.json", ".safetensors", ".json") {
            return "is a file of a model, not a directory; name the directory that holds it and "
                + "config.json"
        }
        if ends(".gguf", ".ggml") {
            return "is a GGUF file, not a directory; convert it to safetensors first "
                + "(from_pretrained(gguf_file=..) and save_pretrained of transformers) and name "
                + "the directory"
        }
        if ends(".bin", ".pt", ".pth", ".ckpt", ".pkl") {
            return
                "is a file of PyTorch's weights, not a directory; name the directory that holds it "
                + "as pytorch_model.bin, and config.json"
        }
        if ends(".onnx", ".tflite", ".h5", ".msgpack", ".engine") {
            return
                "is a model of another kind, not a directory; take the checkpoint for transformers "
                + "that it was made from and name its directory"
        }
        if ends(".zip", ".tar", ".tgz", ".gz", ".xz", ".bz2", ".zst", ".7z", ".rar") {
            return "is an archive, not a directory; unpack it and name the directory"
        }
        return "is a file, not a directory; name a model's directory, with config.json and "
            + "safetensors"
    }
}
