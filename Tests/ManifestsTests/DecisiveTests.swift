import Documents
import Manifests
import Testing

/// Every key of a manifest decides what a job computes, or is known not to.
struct DecisiveTests {
    /// Two values of a key, and what else its section must have for them.
    struct Choice {
        let first: String
        let second: String
        var beside = ""
    }

    private static let tokens = "tokens: a.safetensors"
    private static let choices: [String: Choice] = [
        "name": Choice(first: "a", second: "b"), "model": Choice(first: "a", second: "b"),
        "output": Choice(first: "a", second: "b"),
        "overwrite": Choice(first: "true", second: "false"),
        "priority": Choice(first: "1", second: "2"),
        "executor": Choice(first: "local", second: "slurm"),
        "statistics": Choice(first: "true", second: "false"),
        "prune.method": Choice(first: "wanda", second: "stade"),
        "prune.sparsity": Choice(first: "0.5", second: "0.6"),
        "prune.pattern": Choice(first: "'2:4'", second: "channels"),
        "prune.blocks": Choice(first: "[0]", second: "[1]", beside: "pattern: blocks"),
        "prune.heads": Choice(first: "true", second: "false", beside: "pattern: channels"),
        "prune.allocation": Choice(first: "owl", second: "error"),
        "prune.bounds": Choice(
            first: "[0.3, 0.7]", second: "[0.4, 0.7]", beside: "allocation: owl"),
        "prune.compensation": Choice(first: "none", second: "mean"),
        "prune.scope": Choice(first: "row", second: "layer"),
        "prune.targets": Choice(first: "[a]", second: "[b]"),
        "prune.ignore": Choice(first: "[a]", second: "[]"),
        "prune.sequential": Choice(first: "true", second: "false"),
        "prune.target": Choice(first: "own", second: "auto"),
        "prune.tune": Choice(first: "{passes: 3}", second: "{passes: 4}"),
        "prune.experts": Choice(
            first: "{scope: block}", second: "{}", beside: "pattern: experts"),
        "prune.bias": Choice(first: "native", second: "none"),
        "calibration.text": Choice(first: "a.txt", second: "b.txt"),
        "calibration.tokens": Choice(first: "a.safetensors", second: "b.safetensors"),
        "calibration.statistics": Choice(first: "a.safetensors", second: "b.safetensors"),
        "calibration.samples": Choice(first: "8", second: "9", beside: tokens),
        "calibration.length": Choice(first: "8", second: "9", beside: tokens),
        "calibration.seed": Choice(first: "8", second: "9", beside: "text: a.txt"),
        "evaluation.text": Choice(first: "a.txt", second: "b.txt"),
        "evaluation.tokens": Choice(first: "a.safetensors", second: "b.safetensors"),
        "evaluation.length": Choice(first: "8", second: "9", beside: tokens),
        "evaluation.windows": Choice(first: "8", second: "9", beside: tokens),
        "evaluation.choices": Choice(first: "a.jsonl", second: "b.jsonl"),
        "compute.precision": Choice(first: "float32", second: "bfloat16"),
        "limits.threads": Choice(first: "1", second: "2"),
        "limits.memory": Choice(first: "1GiB", second: "2GiB"),
        "limits.time": Choice(first: "1h", second: "2h"),
    ]

    private static var keys: [String] {
        let sections = Manifest.schema.keys(of: "").filter {
            !Manifest.schema.keys(of: $0).isEmpty
        }
        return Manifest.schema.keys(of: "").filter { !sections.contains($0) && $0 != "version" }
            + sections.flatMap { section in
                Manifest.schema.keys(of: section).map { "\(section).\($0)" }
            }
    }

    private func decisive(_ key: String, _ value: String, beside: String) throws -> Node {
        let parts = key.split(separator: ".")
        var lines = [
            "version": "1", "model": "m", "output": "o",
            "calibration": "{\(Self.tokens)}",
        ]
        lines[String(parts[0])] =
            parts.count == 1
            ? value : "{\(parts[1]): \(value)\(beside.isEmpty ? "" : ", ")\(beside)}"
        let text = lines.map { "\($0.key): \($0.value)\n" }.joined()
        return try Manifest.read(Array(text.utf8), file: "m.yaml").decisive
    }

    /// By text: places in files differ.
    private func text(_ node: Node) -> String {
        String(decoding: JSON.encode(node, indent: nil), as: UTF8.self)
    }

    @Test(arguments: keys) func everyKeyDecides_orIsKnownNotTo(_ key: String) throws {
        let choice = try #require(Self.choices[key], "a new key: say here what it may be")
        let first = try decisive(key, choice.first, beside: choice.beside)
        let second = try decisive(key, choice.second, beside: choice.beside)
        #expect((text(first) == text(second)) == Manifest.indecisive.contains(key))
        #expect((first[key] == nil) == Manifest.indecisive.contains(key))
    }

    @Test func indecisiveKeys_areKeys() {
        #expect(Manifest.indecisive.isSubset(of: Self.keys))
        #expect(Self.keys.count > 30)
    }

    @Test func layoutOfTheFile_decidesNothing() throws {
        let first = "version: 1\nmodel: m\noutput: o\nprune: {method: magnitude, sparsity: 0.5}\n"
        let second =
            "# A comment\nprune:\n  sparsity: 0.5\n  method: 'magnitude'\noutput: o\nmodel: m\n"
            + "version: 1\n"
        let nodes = try [first, second].map {
            try Manifest.read(Array($0.utf8), file: "m.yaml").decisive
        }
        #expect(text(nodes[0]) == text(nodes[1]))
    }
}
