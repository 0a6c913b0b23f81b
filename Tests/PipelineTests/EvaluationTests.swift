import Checkpoint
import Documents
import Foundation
import Manifests
import Posix
import Synchronization
import Tensors
import TestSupport
import Testing
import Transformer

@testable import Pipeline

/// What is measured of both models, on the demo's model and against PyTorch: see
/// Tests/Reference/evaluation.py.
struct EvaluationTests {
    private static let demo = sourcePath("etc/demo")

    private func expected() throws -> Node {
        let path = "\(Fixture.root)/evaluation.json"
        return try JSON.parse(readFile(path), file: path)
    }

    /// A place with the demo's model, text and questions.
    private func place() throws -> Workplace {
        let place = try Workplace()
        for (name, target) in [
            ("models/tiny-llama/config.json", "model/config.json"),
            ("models/tiny-llama/model.safetensors", "model/model.safetensors"),
            ("models/tiny-llama/tokenizer.json", "model/tokenizer.json"),
            ("text/evaluation.txt", "text.txt"), ("text/questions.jsonl", "questions.jsonl"),
        ] {
            try? removeTree(place[target])
            try writeFile(place[target], readFile("\(Self.demo)/\(name)"))
        }
        return place
    }

    private static let start = "compute: {precision: float32}\nprune: {method: magnitude}\n"
    private static let both =
        "evaluation: {text: text.txt, length: 128, windows: 12, choices: questions.jsonl}\n"

    private func expectNear(
        _ found: Node?, _ expected: Node?, _ keys: [String], tolerance: Double,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for key in keys {
            let value = try #require(found?[key]?.double, "\(key)", sourceLocation: sourceLocation)
            let reference = try #require(expected?[key]?.double, "\(key)")
            #expect(
                abs(value - reference) <= tolerance * max(abs(reference), 1e-3),
                "\(key): \(value), not \(reference)", sourceLocation: sourceLocation)
        }
    }

    @Test func report_agreesWithReference() throws {
        let place = try place()
        try place.run(Self.start + Self.both)
        let report = try place.report()
        let expected = try expected()
        let text = try #require(expected["text"])
        try expectNear(report["perplexity"], text, ["dense", "pruned"], tolerance: 1e-5)
        try expectNear(
            report["perplexity"], text,
            ["dense_standard_error", "pruned_standard_error", "ratio_standard_error"],
            tolerance: 1e-4)
        try expectNear(
            report["fidelity"], text,
            [
                "next_token_agreement", "agreement_standard_error", "kl_divergence",
                "kl_standard_error",
            ], tolerance: 1e-4)
        #expect(report["fidelity"]?["tokens"]?.integer == 12 * 127)
        let choices = try #require(report["choices"])
        for row in ["dense", "pruned", "change"] {
            try expectNear(
                choices[row], expected["choices"]?[row],
                ["acc", "acc_standard_error", "acc_norm", "acc_norm_standard_error"],
                tolerance: 1e-9)
        }
        #expect(choices["questions"]?.integer == 14)
        #expect(choices["source"]?.string == "questions.jsonl")
        let card = String(decoding: try readFile(place["out/README.md"]), as: UTF8.self)
        #expect(card.contains("| 35.3 ± 1.83 | 37.46 ± 2.05 |"))
        #expect(card.contains("| dense | 35.7 ± 13.3 % |"))
        #expect(card.contains("78.8 ± 1.2 % of the"))
    }

    /// The likelihood of every choice, filled up to another length or not.
    @Test func logLikelihoods_agreeWithReference() throws {
        let place = try place()
        let model = try Model(Checkpoint(directory: place["model"]))
        var texts = Texts(model: model, paths: Roots(.unrestricted(base: place.path)))
        let questions = try texts.questions(in: place["questions.jsonl"])
        let passes = Passes(
            model, length: questions.batches.map(\.length).max() ?? 0, precision: .float32,
            pool: WorkerPool(width: 2), watch: Watch.nobody, scratchDirectory: nil)
        let states = try questions.batches.map { batch in
            let states = try passes.embedded(batch)
            for index in model.blocks {
                try passes.forward.run(
                    model.loadBlock(index, input: .float32), states.matrix, length: batch.length,
                    sequences: batch.count)
            }
            return states.matrix
        }
        let predictions = try model.predict(
            questions.continuations, from: [states], pool: WorkerPool(width: 2))
        let found = questions.logLikelihoods(predictions[0])
        let reference = try #require(
            expected()["choices"]?["dense"]?["log_likelihoods"]?.array)
        #expect(found.count == reference.count)
        for (found, reference) in zip(found, reference) {
            let reference = (reference.array ?? []).compactMap(\.double)
            #expect(found.count == reference.count)
            #expect(zip(found, reference).allSatisfy { abs($0 - $1) < 1e-4 })
        }
    }

    /// The last output's dense states are those of the first one's sweep, or restored.
    @Test func everyOutput_isComparedAsIfAlone() throws {
        let place = try place()
        let settings = Self.start.replacingOccurrences(
            of: "magnitude", with: "magnitude, sparsity: [0.3, 0.6]")
        try place.run(settings + Self.both)
        for sparsity in ["0.3", "0.6"] {
            try place.run(
                settings.replacingOccurrences(of: "[0.3, 0.6]", with: sparsity) + Self.both,
                output: "alone-\(sparsity)")
            let (one, other) = try (
                place.report("out-\(sparsity)"), place.report("alone-\(sparsity)")
            )
            for key in ["perplexity", "fidelity", "choices"] {
                #expect(text(one[key] ?? .null) == text(other[key] ?? .null), "\(key) \(sparsity)")
            }
            let points = try #require(one["curve"]?.array)
            let point = try #require(points.first { $0["sparsity"]?.double == Double(sparsity) })
            let change = try #require(one["choices"]?["change"])
            #expect(change["acc_norm"]?.double != nil)
            #expect(text(point["choices_change"] ?? .null) == text(change))
        }
        try place.run(
            settings.replacingOccurrences(of: "magnitude", with: "magnitude, sequential: false")
                + Self.both, output: "shared")
        for sparsity in ["0.3", "0.6"] {
            #expect(
                try text(place.report("shared-\(sparsity)")["choices"] ?? .null)
                    == text(place.report("out-\(sparsity)")["choices"] ?? .null))
        }
    }

    @Test(arguments: [1, 3])
    func sameBits_forAnyThreadsAndMemory(_ threads: Int) throws {
        let place = try place()
        try place.run(Self.start + Self.both + "limits: {threads: 2}\n")
        let whole = try place.report()
        var limits = "limits: {threads: \(threads)}\n"
        if threads == 1 {
            let error = #expect(throws: PlanError.self) {
                try place.job(
                    Self.start + Self.both + "limits: {memory: 1MiB}\n", output: "other"
                ).validate()
            }
            let least = try #require(error?.memoryNeeded)
            limits = "limits: {memory: \(least)}\n"
        }
        try place.run(Self.start + Self.both + limits, output: "other")
        for key in ["perplexity", "fidelity", "choices"] {
            #expect(try text(place.report("other")[key] ?? .null) == text(whole[key] ?? .null))
        }
    }

    @Test func nothingPruned_isTheSameModel() throws {
        let place = try place()
        try place.run(
            Self.start.replacingOccurrences(of: "magnitude", with: "magnitude, sparsity: 0")
                + Self.both)
        let report = try place.report()
        #expect(report["fidelity"]?["next_token_agreement"]?.double == 1)
        #expect(report["fidelity"]?["kl_divergence"]?.double == 0)
        #expect(report["perplexity"]?["ratio_standard_error"]?.double == 0)
        #expect(report["choices"]?["change"]?["acc"]?.double == 0)
    }

    @Test func questionsAlone_areEnough() throws {
        let place = try place()
        try place.run(Self.start + "evaluation: {choices: questions.jsonl}\n")
        let report = try place.report()
        #expect(report["perplexity"]?.isNull == true && report["fidelity"]?.isNull == true)
        #expect(
            try text(report["choices"]?["pruned"]?["acc"] ?? .null)
                == text(expected()["choices"]?["pruned"]?["acc"] ?? .null))
    }

    @Test func oneWindow_hasNoError() throws {
        let place = try place()
        try place.run(Self.start + "evaluation: {text: text.txt, length: 64, windows: 1}\n")
        let report = try place.report()
        #expect(report["perplexity"]?["dense"]?.double != nil)
        for (section, key) in [
            ("perplexity", "dense_standard_error"), ("perplexity", "ratio_standard_error"),
            ("fidelity", "agreement_standard_error"), ("fidelity", "kl_standard_error"),
        ] { #expect(report[section]?[key]?.isNull == true) }
    }
}
