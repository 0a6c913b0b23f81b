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
                commands: [
                    validate("llama"), [stadectl, "inspect", "llama"], prune("llama"),
                ], weight: 32),
            Target(
                name: "tokenizer_config", file: "demo/tokenizer_config.json", form: .text,
                seeds: [try read("demo/tokenizer_config.json")],
                commands: [validate("text.txt"), prune("text.txt")], weight: 8),
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
                    commands: [
                        validate(family), prune(family), [stadectl, "inspect", "--json", family],
                    ], weight: 8))
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
        return try list + formTargets() + tokenizerTargets() + spoolTargets() + snapshotTargets()
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

    func names(_ directory: String) throws -> [String] {
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
