import Glibc
import Posix

extension ModelDirectory {
    /// How many subdirectories are looked into.
    private static let subdirectoryLimit = 200

    /// What a directory is that holds no model, and what to name instead; nil where nothing tells.
    func otherDirectory() throws -> String? {
        let entries = try DirectoryEntry.list(open(".", O_DIRECTORY))
        let names = Set(entries.compactMap(\.name))
        if names.isEmpty { return "is an empty directory; name that of a model" }
        if names.contains("adapter_config.json") {
            return "is an adapter (PEFT), not a model; merge it into its base model first "
                + "(merge_and_unload, then save_pretrained)"
        }
        if names.contains("model_index.json") {
            return "is a pipeline of diffusers, not a language model; it cannot be pruned here"
        }
        if names.contains("modules.json") || names.contains("config_sentence_transformers.json") {
            return
                "is a model of sentence-transformers, not a language model that can be pruned here"
        }
        if names.contains("snapshots"), let text = try cache(names) { return text }
        let folders = entries.filter { $0.kind == .directory || $0.kind == .link }
            .compactMap(\.name).sorted()
        let caches = folders.filter { $0.hasPrefix("models--") }
        if let first = caches.first {
            let inside = ModelDirectory(
                joined(path, first), followSymlinks: followSymlinks, inputs: inputs)
            let snapshot = try? inside.snapshot()
            return "is a cache of the hub; name a model in it, such as "
                + escaped(joined(first, snapshot.map { "snapshots/\($0)" } ?? "snapshots/REVISION"))
        }
        let models = folders.prefix(Self.subdirectoryLimit).filter { holdsModel($0) }
        if models.count == 1 {
            return "the model is in its subdirectory \(escaped(models[0])); name "
                + escaped(joined(path, models[0]))
        }
        if models.count > 1 {
            return "holds several models; name one of \(Self.list(models))"
        }
        if names.contains(Checkpoint.configName) { return nil }
        let weights = try otherWeights()
        if !weights.isEmpty {
            let found =
                names.contains(Checkpoint.weightsName) ? "" : "; \(OtherWeights.text(weights))"
            return "has no config.json beside its weights; download it too\(found)"
        }
        return
            "has no config.json, so it is no model's directory; it holds "
            + "\(Self.list(names.sorted()))"
    }

    /// What one directory of the hub's cache is.
    private func cache(_ names: Set<String>) throws -> String? {
        guard names.contains("refs") || names.contains("blobs") else { return nil }
        if let snapshot = try? snapshot() {
            return
                "is a directory of the hub's cache; name "
                + escaped(joined(path, "snapshots/\(snapshot)"))
        }
        return "is a directory of the hub's cache without a snapshot; download the model again"
    }

    /// The revision that `refs/main` names, else the first there is.
    private func snapshot() throws -> String? {
        let inside = try DirectoryEntry.list(open("snapshots", O_DIRECTORY)).compactMap(\.name)
            .sorted()
        if let file = try openIfPresent("refs/main"), let bytes = try? file.readAll(limit: 256) {
            let name = String(decoding: bytes, as: UTF8.self).prefix { !$0.isWhitespace }
            if inside.contains(String(name)) { return String(name) }
        }
        return inside.first
    }

    private func holdsModel(_ name: String) -> Bool {
        let inside = ModelDirectory(
            joined(path, name), followSymlinks: followSymlinks, inputs: inputs)
        return (try? inside.openIfPresent(Checkpoint.configName)) != nil
    }

    private static func list(_ names: [String]) -> String {
        names.prefix(5).map { escaped($0) }.joined(separator: ", ")
            + (names.count > 5 ? " and \(names.count - 5) more" : "")
    }
}
