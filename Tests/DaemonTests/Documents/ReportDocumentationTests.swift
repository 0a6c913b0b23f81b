import Documents
import Foundation
import Manifests
import Pipeline
import Posix
import Reports
import TestSupport
import Testing

/// `docs/report.md` against the reports that jobs write.
@Suite struct ReportDocumentationTests {
    private static let calibration = "calibration: {tokens: tokens.safetensors}\n"
    private static let both =
        calibration + "evaluation: {tokens: tokens.safetensors, length: 64, choices: q.jsonl}\n"

    /// Jobs whose reports have every key between them: family, output, manifest.
    private static let jobs: [(family: String, output: String, manifest: String)] = [
        ("llama", "plain", "statistics: true\nprune: {allocation: error}\n" + both),
        ("llama", "list", "prune: {method: [wanda, auto], sequential: false}\n" + both),
        (
            "llama", "solved",
            "prune: {method: best, sequential: stages, target: dense, tune: true}\n" + calibration
        ),
        ("llama", "channels", "prune: {pattern: channels, sparsity: 0.2}\n" + both),
        ("opt", "heads", "prune: {pattern: channels, heads: true, sparsity: 0.3}\n" + both),
        ("llama", "fewer-blocks", "prune: {pattern: blocks, sparsity: 0.5}\n" + both),
        ("llama", "no-first", "prune: {pattern: blocks, blocks: [0]}\n" + both),
        ("llama", "no-second", "prune: {pattern: blocks, blocks: [1]}\n" + both),
        ("mistral-window", "window", calibration),
        (
            "llama", "again",
            "prune: {method: wanda}\n"
                + "calibration: {statistics: plain/stade-statistics.safetensors}\n"
        ),
    ]

    /// Keys that no sound model and text bring about; other tests do.
    private static let rare: Set<String> = [
        "perplexity.dense_text", "perplexity.pruned_text", "curve[].perplexity_text", "warnings",
        // Of mixtures.
        "layers[].expert", "layers[].statistics.tokens", "layers[].statistics.of",
        "channels.dense.expert_intermediate_size", "channels.pruned.expert_intermediate_size",
        "channels.dense.shared_expert_intermediate_size",
        "channels.pruned.shared_expert_intermediate_size", "experts.dense", "experts.pruned",
        "experts.per_token", "experts.blocks[].index", "experts.blocks[].score",
        "experts.blocks[].gone", "experts.blocks[].tokens", "experts.blocks[].shares",
        "experts.blocks[].scores",
    ]

    /// `layers[].bias.policy` and the like.
    private static func paths(_ node: Node, _ prefix: String, into result: inout Set<String>) {
        if let members = node.members {
            for member in members {
                paths(
                    member.value, prefix.isEmpty ? member.key : "\(prefix).\(member.key)",
                    into: &result)
            }
        } else if let elements = node.array, elements.contains(where: { $0.members != nil }) {
            for element in elements { paths(element, prefix + "[]", into: &result) }
        } else {
            result.insert(prefix)
        }
    }

    @Test func everyKeyIsDescribed_andEveryDescribedKeyIsWritten() throws {
        let scratch = try Scratch()
        let place = scratch.path
        let questions = """
            {"question": "a b c", "choices": ["c", "a b"], "answer": 1}
            {"question": "b", "choices": ["c", "a"], "answer": 0}

            """
        try writeFile(joined(place, "q.jsonl"), Array(questions.utf8))
        // Of the vocabulary that all fixtures have.
        let tokenizer = """
            {"version": "1.0", "added_tokens": [], "normalizer": null, "pre_tokenizer":
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
            "use_regex": true}, "post_processor": null, "decoder": null, "model": {"type": "BPE",
            "vocab": {"a": 3, "b": 4, "c": 5, "Ġ": 6}, "merges": []}}
            """
        var written: Set<String> = []
        for (family, output, text) in Self.jobs {
            let model = joined(place, family)
            let fixture = fixturePath("\(family)")
            if access(model, F_OK) != 0 {
                try scratch.makeDirectory(family)
                for name in ["config.json", "model.safetensors"] {
                    try writeFile(joined(model, name), readFile(joined(fixture, name)))
                }
                // Left out, and said so.
                try writeFile(joined(model, "model.gguf"), [])
                try writeFile(joined(model, "tokenizer.json"), Array(tokenizer.utf8))
            }
            try replaceFile(
                joined(place, "tokens.safetensors"),
                readFile(joined(fixture, "tokens.safetensors")))
            let manifest = "version: 1\nmodel: \(family)\noutput: \(output)\n" + text
            let job = Job(
                id: "job-\(output)",
                manifest: try Manifest.read(Array(manifest.utf8), file: "\(output).yaml"),
                paths: Roots(.unrestricted(base: place)), ceiling: Configuration().limits)
            for path in try job.run(progress: { _ in }, isStopped: { false }) {
                let file = joined(path, "stade-report.json")
                Self.paths(try JSON.parse(readFile(file), file: file), "", into: &written)
            }
        }
        // What is null or empty in one report may be an object or a list of them in another.
        written = written.filter { key in
            !written.contains { $0.hasPrefix(key + ".") || $0.hasPrefix(key + "[]") }
        }
        var described: [String] = []
        for table in try Document("docs/report.md").tables where table.header == ["key", "meaning"]
        {
            described += table.rows.flatMap { Document.code($0[0]) }
        }
        #expect(written.count > 80)
        #expect(written.subtracting(ReportDocument.keys) == [])
        #expect(Set(described) == Set(ReportDocument.keys))
        #expect(Set(described).count == described.count, "each key once")
        #expect(
            Set(described).subtracting(written).subtracting(Self.rare) == [],
            "described, but not written")
        #expect(written.subtracting(described) == [], "written, but not described")
    }

    @Test func familiesAreListed() throws {
        let scratch = try Scratch()
        let place = scratch.path
        let fixture = fixturePath("llama")
        let config = String(
            decoding: try readFile(joined(fixture, "config.json")), as: UTF8.self)
        try writeFile(
            joined(place, "config.json"),
            Array(config.replacing("\"llama\"", with: "\"qqqqqqqqqqqqqqqqqq\"").utf8))
        try writeFile(
            joined(place, "model.safetensors"), readFile(joined(fixture, "model.safetensors")))
        let text = "version: 1\nmodel: .\noutput: out\nprune: {method: magnitude}\n"
        let job = Job(
            id: "job", manifest: try Manifest.read(Array(text.utf8), file: "m.yaml"),
            paths: Roots(.unrestricted(base: place)), ceiling: Configuration().limits)
        var families: Set<String> = []
        do {
            try job.validate()
        } catch {
            let list = "\(error)".split(separator: "supported are ").last ?? ""
            families = Set(list.split(separator: ", ").map(String.init))
        }
        #expect(families.count > 6)
        let table = try #require(try Document("docs/models.md").table("`model_type`", "class"))
        #expect(Set(table.rows.compactMap { Document.code($0[0]).first }) == families)
        // What some of them need is told apart.
        let policies = try #require(
            try Document("docs/manifest.md").table("family (`model_type`)"))
        #expect(
            Set(policies.rows.compactMap { Document.code($0[0]).first }).isSubset(of: families))
    }
}
