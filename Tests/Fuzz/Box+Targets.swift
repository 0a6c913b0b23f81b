import Documents
import Glibc
import Posix

extension Box {
    /// Every parser, each with valid files and the commands that meet it.
    func targets() throws -> [Target] {
        func read(_ name: String) throws -> [UInt8] { try readFile(self[name]) }
        func validate(_ name: String) -> [String] {
            [stadectl, "validate", "manifests/\(name).yaml"]
        }
        func prune(_ name: String) -> [String] { [stadectl, "prune", "manifests/\(name).yaml"] }
        func form(_ name: String) throws -> [UInt8] {
            try readFile(joined(settings.project, "Tests/CheckpointTests/Fixtures/\(name)"))
        }
        func examples() throws -> [[UInt8]] {
            let directory = joined(settings.project, "etc/examples")
            return try names(directory).map { try readFile(joined(directory, $0)) }
                + [readFile(joined(settings.project, "etc/demo/first.yaml"))]
        }
        var list = [
            Target(
                name: "manifest", file: "fuzzed.yaml", form: .text,
                seeds: try names(self["manifests"]).map { try read("manifests/\($0)") }
                    + examples(),
                commands: [[stadectl, "validate", "fuzzed.yaml"]], weight: 40),
            Target(
                name: "configuration", file: "daemon.yaml", form: .text,
                seeds: [
                    try read("fuzz.yaml"),
                    try readFile(joined(settings.project, "etc/staded.yaml")),
                ],
                commands: [[staded, "--check", "--config", "daemon.yaml"]], weight: 24),
            Target(
                name: "index", file: "sharded/model.safetensors.index.json", form: .text,
                seeds: [try read("sharded/model.safetensors.index.json")],
                commands: [validate("sharded"), prune("sharded")], weight: 16),
            Target(
                name: "safetensors", file: "llama/model.safetensors", form: .safetensors,
                seeds: [try read("llama/model.safetensors"), try read("llama.tokens.safetensors")],
                commands: [validate("llama"), validate("llama"), prune("llama")], weight: 32),
            Target(
                name: "tokenizer", file: "demo/tokenizer.json", form: .text,
                seeds: try [read("demo/tokenizer.json")] + unpacked(".tokenizer.json.gz") + kinds(),
                commands: [
                    validate("text.txt"), validate("choices"), prune("text.txt"),
                    [stadectl, "tokenize", "demo", "It is a truth, isn't it?"],
                ], weight: 32),
            Target(
                name: "torch", file: "torch/pytorch_model.bin", form: .binary,
                seeds: try ["plain", "protocol4", "old"].map { try form("\($0).bin") },
                commands: [[stadectl, "inspect", "torch"]], weight: 48),
            Target(
                name: "fp8", file: "fp8/model.safetensors", form: .safetensors,
                seeds: [try form("fp8.safetensors"), try form("mxfp4.safetensors")],
                commands: [[stadectl, "inspect", "fp8"], [stadectl, "inspect", "--json", "fp8"]],
                weight: 16),
            Target(
                name: "tokenizer_config", file: "demo/tokenizer_config.json", form: .text,
                seeds: [try read("demo/tokenizer_config.json")],
                commands: [validate("text.txt"), prune("text.txt")], weight: 8),
            Target(
                name: "tokenizer.model", file: "pieces/tokenizer.model", form: .binary,
                seeds: try [read("pieces/tokenizer.model")] + unpacked(".tokenizer.model.gz"),
                commands: [validate("pieces"), prune("pieces")], weight: 16),
            Target(
                name: "vocab.json", file: "vocabulary/vocab.json", form: .text,
                seeds: [try read("vocabulary/vocab.json")],
                commands: [validate("vocabulary"), prune("vocabulary")], weight: 8),
            Target(
                name: "merges.txt", file: "vocabulary/merges.txt", form: .text,
                seeds: [try read("vocabulary/merges.txt")],
                commands: [validate("vocabulary"), prune("vocabulary")], weight: 8),
            Target(
                name: "choices", file: "questions.jsonl", form: .text,
                seeds: [try read("questions.jsonl")],
                commands: [validate("choices"), prune("choices")], weight: 16),
            Target(
                name: "tokens", file: "llama.tokens.safetensors", form: .safetensors,
                seeds: [try read("llama.tokens.safetensors"), try read("opt.tokens.safetensors")],
                commands: [validate("llama"), prune("llama")], weight: 16),
            Target(
                name: "statistics", file: "known.safetensors", form: .safetensors,
                seeds: [try read("known.safetensors")],
                commands: [validate("statistics"), prune("statistics")], weight: 16),
            Target(
                name: "report", file: "report/stade-report.json", form: .text,
                seeds: [try read("report/stade-report.json")],
                commands: [
                    [stadectl, "report", "report"], [stadectl, "report", "--json", "report"],
                ],
                weight: 32),
        ]
        for family in Self.families {
            list.append(
                Target(
                    name: "config-\(family)", file: "\(family)/config.json", form: .text,
                    seeds: try [read("\(family)/config.json")]
                        + Self.families.map { try read("\($0)/config.json") },
                    commands: [validate(family), prune(family)], weight: 8))
        }
        for text in ["text.txt", "text.jsonl"] {
            list.append(
                Target(
                    name: text, file: text, form: .text,
                    seeds: [try read(text), try read("text.jsonl")],
                    commands: [validate(text), prune(text)], weight: 8))
            list.append(
                Target(
                    name: "\(text).gz", file: "\(text).gz", form: .binary,
                    seeds: [try read("\(text).gz"), try read("text.jsonl.gz")],
                    commands: [validate("\(text).gz"), prune("\(text).gz")], weight: 8))
        }
        return try list + spoolTargets() + snapshotTargets()
    }

    /// Every file of a spool: a start and a look at it.
    private func spoolTargets() throws -> [Target] {
        let start = """
            '\(staded)' --config fuzz.yaml & p=$!
            sleep 0.4; kill -TERM $p; wait $p || exit
            '\(stadectl)' list --config fuzz.yaml
            """
        let look = [stadectl, "list", "--json", "--spool", "spool"]
        return try files("pristine-spool").filter { !$0.hasSuffix("lock") }.map { name in
            let id = name.split(separator: "/").dropFirst().first.map(String.init) ?? "bad"
            return Target(
                name: "spool", file: "spool/\(name)", form: .text,
                seeds: [try readFile(self["pristine-spool/\(name)"])],
                commands: [
                    ["/bin/sh", "-c", start], look, [stadectl, "show", id, "--spool", "spool"],
                    [stadectl, "report", id, "--spool", "spool"],
                ], pristine: ("pristine-spool", "spool"))
        }
    }

    /// Every file that a job goes on from.
    private func snapshotTargets() throws -> [Target] {
        try files("pristine-out").map { name in
            let isText = name.hasSuffix(".json") || name.hasSuffix("/id")
            return Target(
                name: "snapshot", file: "out/\(name)", form: isText ? .text : .binary,
                seeds: [try readFile(self["pristine-out/\(name)"])],
                commands: [
                    [
                        stadectl, "prune", "--config", "fuzz.yaml", "--resume",
                        "manifests/snapshot.yaml",
                    ]
                ], pristine: ("pristine-out", "out"))
        }
    }

    private func unpacked(_ ending: String) throws -> [[UInt8]] {
        let directory = joined(settings.project, "Tests/TokenizerTests/Fixtures")
        return try names(directory).filter { $0.hasSuffix(ending) }.map { name in
            try shell("gzip -dc '\(directory)/\(name)' >unpacked")
            return try readFile(self["unpacked"])
        }
    }

    /// Tokenizers of every kind, which stand in one file.
    private func kinds() throws -> [[UInt8]] {
        let file = try unpacked("kinds.json.gz").first ?? []
        return (try JSON.parse(file, file: "kinds.json").array ?? []).compactMap { kind in
            kind["tokenizer"].map { JSON.encode($0) }
        }
    }

    private func names(_ directory: String) throws -> [String] {
        try DirectoryEntry.list(File(directory, O_RDONLY | O_DIRECTORY)).compactMap(\.name).sorted()
    }

    /// Regular files below a directory, as paths from there.
    private func files(_ directory: String) throws -> [String] {
        try DirectoryEntry.list(File(directory, O_RDONLY | O_DIRECTORY)).sorted {
            ($0.name ?? "") < ($1.name ?? "")
        }.flatMap { entry -> [String] in
            guard let name = entry.name else { return [] }
            switch entry.kind {
            case .directory: return try files(joined(directory, name)).map { "\(name)/\($0)" }
            case .file: return [name]
            default: return []
            }
        }
    }
}
