import Posix
import TestSupport

/// Forms of weights and of tokenizers.
extension Box {
    private func form(_ name: String) throws -> [UInt8] {
        try readFile(joined(settings.project, "Tests/CheckpointTests/Fixtures/\(name)"))
    }

    /// A command with a manifest of this name.
    private func job(_ word: String, _ name: String) -> [String] {
        [stadectl, word, "manifests/\(name).yaml"]
    }

    private func inspect(_ words: String...) -> [String] { [stadectl, "inspect"] + words }

    func formTargets() throws -> [Target] {
        func read(_ name: String) throws -> [UInt8] { try readFile(self[name]) }
        let cache = "hub/models--org--name"
        return try [
            Target(
                name: "torch", file: "torch/pytorch_model.bin", form: .binary,
                seeds: ["plain", "protocol4", "old"].map { try form("\($0).bin") },
                commands: [inspect("torch")], weight: 32),
            Target(
                name: "pickle", file: "torch/pytorch_model.bin", form: .pickle,
                seeds: pickles(), commands: [inspect("torch"), job("validate", "torch")],
                wrap: { StoredZip(pickle: $0, storages: [("0", [1, 2, 3, 4, 5, 6, 7, 8])]).bytes },
                weight: 48),
            Target(
                name: "fp8", file: "fp8/model.safetensors", form: .safetensors,
                seeds: [
                    read("fp8/model.safetensors"), form("fp8.safetensors"),
                    form("mxfp4.safetensors"),
                ],
                commands: [
                    inspect("fp8"), inspect("--json", "fp8"), job("validate", "fp8"),
                    job("prune", "fp8"),
                ], weight: 24),
            Target(
                name: "fp8-config", file: "fp8/config.json", form: .text,
                seeds: [read("fp8/config.json")],
                commands: [inspect("fp8"), job("prune", "fp8")], weight: 8),
            Target(
                name: "unindexed", file: "unindexed/model-00002-of-00002.safetensors",
                form: .safetensors,
                seeds: [read("llama.tokens.safetensors"), read("llama/model.safetensors")],
                commands: [inspect("unindexed"), job("prune", "unindexed")], weight: 8),
            Target(
                name: "hub", file: "\(cache)/refs/main", form: .text,
                seeds: [read("\(cache)/refs/main"), Array("../../../demo".utf8)],
                commands: [
                    inspect(cache), inspect("hub"), job("validate", "hub"),
                    [stadectl, "tokenize", cache, "a b"],
                ], weight: 8),
            Target(
                name: "hub", file: "\(cache)/blobs/config.json.blob", form: .text,
                seeds: [read("demo/config.json")],
                commands: [inspect(cache), inspect("\(cache)/snapshots/abc"), job("prune", "hub")],
                weight: 8),
        ]
    }

    /// Dictionaries of tensors, and real ones of PyTorch.
    private func pickles() throws -> [[UInt8]] {
        let made = PickleText.dictionary([
            ("a", PickleText.tensor()), ("b", PickleText.tensor([1], offset: 1)),
            ("c", PickleText.tensor([2, 1], [1, 9])),
            ("d", PickleText.tensor(storage: PickleText.storage(4, type: "HalfStorage"))),
        ])
        let real = try ["plain", "protocol4"].map { name in
            let whole = try form("\(name).bin")
            // Behind the header of the archive's first entry.
            let start =
                whole.indices.first {
                    whole[$0] == 0x80 && whole[$0...].dropFirst().first.map { $0 < 6 } == true
                } ?? 0
            return Array(whole[start...].prefix(4096))
        }
        return [made, PickleText.of(PickleText.tensor())] + real
    }

    func tokenizerTargets() throws -> [Target] {
        func read(_ name: String) throws -> [UInt8] { try readFile(self[name]) }
        let text = "It is a truth, isn't it? \u{65}\u{301} 日本 12"
        func tokenize(_ model: String) -> [String] { [stadectl, "tokenize", model, text] }
        func stream(_ model: String) -> [String] {
            ["/bin/sh", "-c", "exec '\(stadectl)' tokenize '\(model)' <odd.txt"]
        }
        let kinds = try tokenizersOfKinds()
        var list = try [
            Target(
                name: "tokenizer", file: "demo/tokenizer.json", form: .text,
                seeds: [read("demo/tokenizer.json")] + unpacked(".tokenizer.json.gz")
                    + kinds.map(\.tokenizer),
                commands: [
                    job("validate", "text.txt"), job("validate", "choices"),
                    job("prune", "text.txt"), tokenize("demo"), stream("demo"),
                ], weight: 48),
            Target(
                name: "tokenizer.model", file: "pieces/tokenizer.model", form: .protobuf,
                seeds: [read("pieces/tokenizer.model")] + unpacked(".tokenizer.model.gz"),
                commands: [
                    job("validate", "pieces"), job("prune", "pieces"), inspect("pieces"),
                    tokenize("pieces"), stream("pieces"),
                ], weight: 32),
            Target(
                name: "tokenizer.model", file: "stored/tokenizer.model", form: .protobuf,
                seeds: unpacked(".tokenizer.model.gz"),
                commands: [tokenize("stored"), stream("stored")], weight: 32),
        ]
        for file in ["vocab.json", "merges.txt"] {
            list.append(
                Target(
                    name: file, file: "vocabulary/\(file)", form: .text,
                    seeds: [try read("vocabulary/\(file)")],
                    commands: [
                        job("validate", "vocabulary"), job("prune", "vocabulary"),
                        tokenize("vocabulary"), stream("vocabulary"),
                    ], weight: 8))
        }
        list.append(
            Target(
                name: "tokenize", file: "odd.txt", form: .binary,
                seeds: [Array(Self.odd.utf8), try read("text.txt")],
                commands: kinds.map { stream("tokens-\($0.name)") }
                    + ["pieces", "stored", "vocabulary"].map(stream), weight: 32))
        return list
    }
}
