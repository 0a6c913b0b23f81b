import Checkpoint
import Documents
import Foundation
import Posix
import TestSupport
import Testing
import Transformer

import Pipeline

/// Mixtures of experts against the reference (`Tests/Reference/mixtures.py`): statistics of the
/// tokens that each expert serves, masks, scales and perplexities.
struct MixtureTests {
    static let families = [
        "deepseek_v2", "deepseek_v2_lite", "deepseek_v3", "ernie4_5_moe", "gemma4_moe", "glm4_moe",
        "glm4_moe_lite", "gpt_oss", "granitemoe", "granitemoeshared", "lfm2_moe", "mixtral",
        "olmoe", "phimoe", "qwen2_moe", "qwen3_5_moe", "qwen3_moe", "qwen3_next", "qwen3_vl_moe",
    ]

    static let root =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Fixtures/mixtures").path

    static let evaluation =
        "evaluation: {tokens: tokens.safetensors, length: 40}\ncompute: {precision: float32}\n"

    static func place(_ family: String) throws -> Workplace {
        let place = try Workplace()
        let directory = "\(root)/\(family)"
        for (source, target) in [
            ("model.safetensors.gz", "model/model.safetensors"),
            ("expected.safetensors.gz", "tokens.safetensors"),
        ] { try writeFile(place[target], inflated("\(directory)/\(source)")) }
        try writeFile(place["model/config.json"], readFile("\(directory)/config.json"))
        return place
    }

    private static func cases(_ family: String) throws -> [(name: String, report: Node)] {
        let path = "\(root)/\(family)/expected.json"
        let members = try #require(JSON.parse(readFile(path), file: path)["cases"]?.members)
        return members.map { ($0.key, $0.value) }
    }

    private static func settings(_ report: Node) -> String {
        func text(_ key: String) -> String { report[key]?.string ?? "" }
        let compensation =
            text("compensation") == "as published"
            ? "" : ", compensation: \(text("compensation"))"
        let pattern =
            text("pattern") == "unstructured" ? "" : ", pattern: '\(text("pattern"))'"
        return "prune: {method: \(text("method")), sparsity: 0.5\(compensation)\(pattern)}\n"
    }

    @Test(arguments: families)
    func agreesWithReference(_ family: String) throws {
        let cases = try Self.cases(family)
        #expect(cases.count >= 3)
        try FamilyTests.compare(
            Self.place(family), Dictionary(uniqueKeysWithValues: cases.map { ($0.name, $0.report) })
        )
    }

    /// The number of threads and of experts in memory changes nothing.
    @Test(arguments: families)
    func sameBits_forAnyNumberOfThreads(_ family: String) throws {
        let place = try Self.place(family)
        for (threads, output) in [(1, "one"), (3, "three")] {
            try place.run(
                "prune: {method: stade, sparsity: 0.5, compensation: affine}\n"
                    + Workplace.calibration + Self.evaluation + "limits: {threads: \(threads)}\n",
                output: output)
        }
        #expect(
            try readFile(place["one/model.safetensors"])
                == readFile(place["three/model.safetensors"]))
    }

    @Test(arguments: families)
    func output_isReadAgainAsMeasured(_ family: String) throws {
        let place = try Self.place(family)
        let report = try #require(Self.cases(family).first { $0.name.hasPrefix("native") }?.report)
        try place.run(Self.settings(report) + Workplace.calibration + Self.evaluation)
        let pruned = try #require(place.report()["perplexity"]?["pruned"]?.double)
        let reference = try #require(report["perplexity_pruned"]?.double)
        #expect(abs(pruned / reference - 1) < 1e-3, "\(pruned), not \(reference)")
        try place.run(
            "prune: {method: magnitude, sparsity: 0.5}\n" + Self.evaluation, model: "out",
            output: "again")
        let again = try #require(place.report("again")["perplexity"]?["dense"]?.double)
        #expect(abs(again / pruned - 1) < 1e-6, "\(again), not \(pruned)")
    }

    /// Routers and shared experts are left alone but where they are named.
    @Test func routersAndSharedExperts_onlyWhereNamed() throws {
        let place = try Self.place("qwen2_moe")
        let prune = "prune: {method: magnitude, sparsity: 0.5, targets: ["
        try place.run(prune + "'.*']}\n", output: "all")
        #expect(try place.layers("all").keys.allSatisfy { !$0.contains("shared") })
        #expect(try !place.layers("all").keys.contains { $0.hasSuffix("mlp.gate") })
        try place.run(prune + "'shared_expert\\.', 'mlp\\.gate$']}\n", output: "named")
        #expect(
            try place.layers("named").keys.allSatisfy {
                $0.contains("shared_expert.") || $0.hasSuffix("mlp.gate")
            })
        #expect(try place.layers("named").count == 4)
    }

    /// An expert that serves too few tokens is judged by all of its block's, and the report says
    /// so.
    @Test func report_saysWhatJudgedExperts() throws {
        let place = try Self.place("qwen3_moe")
        try place.run("prune: {method: wanda, sparsity: 0.5}\n" + Workplace.calibration)
        let statistics = try place.layers().values.compactMap { layer in
            layer["statistics"].map { (layer["columns"]?.integer ?? 0, $0) }
        }
        #expect(statistics.count == 2 * 8 * 3)
        for (columns, node) in statistics {
            let tokens = try #require(node["tokens"]?.integer)
            #expect(node["of"]?.string == (tokens < columns ? "block" : "expert"))
        }
    }

    /// `[experts, rows, columns]` stays one tensor, and its numbers are those of the layers one by
    /// one.
    @Test(arguments: ["ignore: [lm_head, 'experts.2.down']", "pattern: channels"])
    func fusedExperts_stayFused(_ setting: String) throws {
        let place = try Self.place("qwen3_moe")
        let prune =
            "prune: {method: wanda, sparsity: 0.4, \(setting)}\n" + Workplace.calibration
        try place.run(prune, output: "single")
        let single = try place.tensors("single")
        let fused = Self.fused(try place.tensors())
        #expect(fused.contains { $0.name == "model.layers.0.mlp.experts.gate_up_proj" })
        try place.store(fused)
        try place.run(prune, output: "fused")
        let found = try place.tensors("fused").sorted { $0.name < $1.name }
        let wanted = Self.fused(single).sorted { $0.name < $1.name }
        #expect(found.map(\.name) == wanted.map(\.name))
        for (a, b) in zip(found, wanted) {
            #expect(a.shape == b.shape && a.bytes == b.bytes, "\(a.name)")
        }
    }

    /// `[experts, columns, rows]`, as Qwen3-VL was published, is the same model, and stays as it
    /// is.
    @Test(arguments: [("unstructured", 24), ("channels", 16)])
    func transposedExperts_areTheSame(_ pattern: String, _ width: Int) throws {
        let place = try Self.place("qwen3_vl_moe")
        let prune =
            "prune: {method: wanda, sparsity: 0.25, pattern: \(pattern)}\n"
            + Workplace.calibration
        try place.run(prune, output: "plain")
        try place.store(place.tensors().map(Self.transposed))
        try place.run(prune, output: "transposed")
        let wanted = try place.tensors("plain").map(Self.transposed).sorted { $0.name < $1.name }
        let found = try place.tensors("transposed").sorted { $0.name < $1.name }
        #expect(found.map(\.name) == wanted.map(\.name))
        #expect(
            found.contains {
                $0.name.hasSuffix("experts.down_proj") && $0.shape == [8, width, 32]
            })
        for (a, b) in zip(found, wanted) {
            #expect(a.shape == b.shape && a.bytes == b.bytes, "\(a.name)")
        }
    }

    /// Where it is all experts', of float32.
    private static func transposed(_ tensor: Workplace.Tensor) -> Workplace.Tensor {
        guard tensor.name.contains(".experts."), tensor.shape.count == 3 else { return tensor }
        let (count, rows, columns) = (tensor.shape[0], tensor.shape[1], tensor.shape[2])
        var bytes: [UInt8] = []
        for expert in 0..<count {
            for column in 0..<columns {
                for row in 0..<rows {
                    let start = 4 * ((expert * rows + row) * columns + column)
                    bytes += tensor.bytes[start..<(start + 4)]
                }
            }
        }
        return (tensor.name, tensor.type, [count, columns, rows], bytes)
    }

    /// The same tensors with those of a block's experts in two.
    private static func fused(_ tensors: [Workplace.Tensor]) -> [Workplace.Tensor] {
        var others: [Workplace.Tensor] = []
        var blocks: [String: [String: Workplace.Tensor]] = [:]
        for tensor in tensors {
            guard let range = tensor.name.range(of: ".experts.") else {
                others.append(tensor)
                continue
            }
            let block = String(tensor.name[..<range.upperBound])
            blocks[block, default: [:]][String(tensor.name[range.upperBound...])] = tensor
        }
        for (block, layers) in blocks.sorted(by: { $0.key < $1.key }) {
            for (name, roles) in [
                ("gate_up_proj", ["gate_proj", "up_proj"]), ("down_proj", ["down_proj"]),
            ] {
                let parts = (0..<8).flatMap { expert in
                    roles.compactMap { layers["\(expert).\($0).weight"] }
                }
                let shape = [8, parts[0].shape[0] * roles.count, parts[0].shape[1]]
                others.append((block + name, parts[0].type, shape, parts.flatMap(\.bytes)))
            }
        }
        return others
    }
}
