import Checkpoint
import Documents
import Posix
import Synchronization
import Tensors
import TestSupport
import Testing
import Transformer

@testable import Pipeline

/// Jobs that tune what is left of each block.
struct TuningTests {
    private static let both = Workplace.calibration + Workplace.evaluation

    /// What a job wrote says what its report says, and no block is worse than it was.
    private static func check(
        _ place: Workplace, _ output: String = "out", isBetter: Bool = true,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let report = try place.report(output)
        let blocks = try #require(report["blocks"]?.array).compactMap { $0["tuning"] }
        #expect(!blocks.isEmpty, sourceLocation: sourceLocation)
        for block in blocks {
            let before = try #require(block["loss_before"]?.double)
            let after = try #require(block["loss_after"]?.double)
            let passes = try #require(block["passes"]?.integer)
            #expect(after <= before && after > 0, sourceLocation: sourceLocation)
            #expect((after < before) == (passes > 0), sourceLocation: sourceLocation)
        }
        if isBetter {
            let better = blocks.contains { $0["passes"]?.integer ?? 0 > 0 }
            #expect(better, sourceLocation: sourceLocation)
        }
        let pruned = try #require(report["perplexity"]?["pruned"]?.double)
        try place.run(
            "prune: {method: magnitude, sparsity: 0.5}\n" + Workplace.evaluation, model: output,
            output: "again-\(output)")
        let again = try #require(
            place.report("again-\(output)")["perplexity"]?["dense"]?.double)
        #expect(
            abs(again / pruned - 1) < 1e-6, "\(again), not \(pruned)",
            sourceLocation: sourceLocation)
        try? removeTree(place["again-\(output)"])
    }

    /// The places of exact zeros in each layer's weights, and the weights.
    private static func weights(
        _ place: Workplace, _ output: String
    ) throws -> [String: (zeros: [Bool], values: [Float], shape: [Int])] {
        let names = try Set(place.layers(output).keys)
        return try place.checkpoint(output).tensors.reduce(into: [:]) { found, tensor in
            let layer = String(tensor.name.dropLast(".weight".count))
            guard names.contains(layer), tensor.name.hasSuffix(".weight") else { return }
            let values = try tensor.floats()
            found[layer] = (values.map { $0 == 0 }, values, tensor.shape)
        }
    }

    @Test(
        arguments: [
            "method: magnitude, compensation: none", "method: wanda", "method: auto",
            "method: best, sparsity: 0.7", "method: sparsegpt, pattern: '2:4'",
            "method: best, sparsity: 0.6, sequential: stages, target: dense",
            "method: stade-w, scope: layer", "method: auto, targets: [down_proj]",
            "method: auto, allocation: error",
        ])
    func lossFalls_andZerosStay(_ prune: String) throws {
        let place = try Workplace()
        try place.run("prune: {\(prune)}\n" + Self.both, output: "plain")
        try place.run(
            "prune: {\(prune), tune: {passes: 3}}\nstatistics: true\n" + Self.both)
        try Self.check(place)
        let (plain, tuned) = try (Self.weights(place, "plain"), Self.weights(place, "out"))
        #expect(plain.count == tuned.count && !plain.isEmpty)
        // The first block gets the same masks; behind it the stream is another.
        for (name, before) in plain where name.contains("layers.0.") {
            let after = try #require(tuned[name])
            #expect(zip(before.zeros, after.zeros).allSatisfy { !$0 || $1 }, "\(name)")
            #expect(before.values != after.values, "\(name)")
        }
        let layers = try place.layers()
        for (name, after) in tuned {
            #expect(layers[name]?["zeros"]?.integer == after.zeros.count { $0 }, "\(name)")
            guard prune.contains("2:4") else { continue }
            for start in stride(from: 0, to: after.zeros.count, by: 4) {
                #expect(after.zeros[start..<(start + 4)].count { $0 } >= 2)
            }
        }
        #expect(try place.report()["prune"]?["tune"]?["passes"]?.integer == 3)
        // What is ignored stays as it is.
        let (dense, written) = try (place.tensors(), place.tensors("out"))
        for tensor in dense where prune.contains("targets") {
            guard let same = written.first(where: { $0.name == tensor.name }) else { continue }
            let isTuned = tensor.name.contains("down_proj") || tensor.name.contains("layernorm")
            #expect((same.bytes == tensor.bytes) == !isTuned, "\(tensor.name)")
        }
    }

    /// Norms are tuned, and written in the type that they had.
    @Test(arguments: ["llama", "opt", "gemma2", "qwen3"])
    func normsAreWritten(_ family: String) throws {
        let place = try Workplace(family)
        try place.run("prune: {method: wanda, tune: true}\n" + Self.both)
        try Self.check(place)
        let (before, after) = try (place.tensors(), place.tensors("out"))
        var changed = 0
        for tensor in before where tensor.name.contains("norm") {
            let same = try #require(after.first { $0.name == tensor.name })
            #expect(same.type == tensor.type && same.shape == tensor.shape)
            if same.bytes != tensor.bytes { changed += 1 }
        }
        #expect(changed > 0)
        #expect(
            try readText(place["out/README.md"]).contains("| tuned |"))
        #expect(try readText(place["out/stade-report.html"]).contains("were tuned towards"))
    }

    private func readText(_ path: String) throws -> String {
        String(decoding: try readFile(path), as: UTF8.self)
    }

    @Test(arguments: ["true", "stages"])
    func channels_areTunedAsTheyAreLeft(_ sequential: String) throws {
        let place = try Workplace()
        try place.run(
            "prune: {pattern: channels, heads: true, sparsity: 0.3, sequential: \(sequential), "
                + "tune: {passes: 2}}\n" + Self.both)
        try Self.check(place)
    }

    @Test(arguments: FamilyFixture.all)
    func families(_ fixture: FamilyFixture) throws {
        let place = try fixture.place()
        try place.run("prune: {method: wanda, tune: {passes: 1}}\n" + Self.both)
        try Self.check(place, isBetter: false)
    }

    @Test(arguments: MixtureTests.families, ["", ", sequential: stages"])
    func mixtures(_ family: String, _ order: String) throws {
        let place = try MixtureTests.place(family)
        try place.run(
            "prune: {method: stade, sparsity: 0.6\(order), tune: {passes: 2}}\n" + Self.both)
        try Self.check(place)
    }

    /// Neither the number of threads nor a scratch file changes a bit.
    @Test func mixtures_haveTheSameBits_forAnyThreadsAndMemory() throws {
        let place = try MixtureTests.place("qwen3_moe")
        let rest = "prune: {method: wanda, tune: {passes: 2}}\n" + Self.both
        try place.checkSameBits(rest)
    }

    /// Neither the number of threads nor a scratch file changes a bit.
    @Test(arguments: ["true", "stages"])
    func sameBits_forAnyThreadsAndMemory(_ sequential: String) throws {
        let place = try Workplace()
        let rest =
            "prune: {method: best, sequential: \(sequential), tune: {passes: 2}}\n" + Self.both
        try place.checkSameBits(rest)
    }

    /// A block takes more memory than without, and the plan says so.
    @Test func memory_isPlanned() throws {
        let place = try Workplace()
        func demand(_ tune: String) throws -> Int {
            try place.job("prune: {method: wanda\(tune)}\nlimits: {threads: 1}\n" + Self.both)
                .validate().memory
        }
        let model = try Model(place.checkpoint("model"))
        let weights = model.weights(block: 0, in: model.blockShape(0))
        #expect(try demand(", tune: true") - demand("") > 4 * weights)
    }

    /// All passes count, also those that were not needed.
    @Test(arguments: [1, 40]) func progress_goesToTheEnd(_ passes: Int) throws {
        let place = try Workplace()
        let seen = Mutex([Progress]())
        _ = try place.job(
            "prune: {method: wanda, tune: {passes: \(passes), rate: 1}}\n" + Self.both
        ).run(progress: { one in seen.withLock { $0.append(one) } }, isStopped: { false })
        let all = seen.withLock { $0 }
        #expect(all.contains { $0.phase == .tuning })
        #expect(zip(all, all.dropFirst()).allSatisfy { $0.fraction <= $1.fraction })
        #expect(all.allSatisfy { $0.fraction <= 1 } && all.last?.fraction ?? 0 > 0.9)
    }

    @Test func oneWindow_isRefused() throws {
        let place = try Workplace()
        let tokens = (0..<64).map { Int32($0 % 50) }
        try SafetensorsFile.write(
            place["one.safetensors"],
            tensors: [
                (
                    "calibration", .int32, [1, 64],
                    tokens.flatMap { withUnsafeBytes(of: $0, Array.init) }
                )
            ], metadata: [])
        let job = try place.job(
            "prune: {tune: true}\ncalibration: {tokens: one.safetensors}\n")
        let error = failure { try job.validate() }
        #expect(error?.description.contains("at least 2 samples") == true)
        #expect(error?.exitCode == .configuration)
    }

    @Test(arguments: [2, 3, 7, 8, 16, 17, 128])
    func split_holdsAnEighthOut(_ windows: Int) {
        let split = WindowSplit(windows: windows, seed: 3)
        #expect(split.heldOut.count == max(1, windows / 8))
        #expect((split.heldOut + split.training).sorted() == Array(0..<windows))
        #expect(split == WindowSplit(windows: windows, seed: 3))
        if windows > 16 { #expect(split != WindowSplit(windows: windows, seed: 4)) }
    }
}
