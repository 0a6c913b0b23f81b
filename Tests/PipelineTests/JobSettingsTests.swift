import Checkpoint
import Documents
import Posix
import Tensors
import Testing

import Pipeline

/// What the manifest's settings do to the result.
struct JobSettingsTests {
    private static let both = Workplace.calibration + Workplace.evaluation

    private func values(_ place: Workplace, _ name: String) throws -> [Float] {
        floats(try #require(place.checkpoint().tensor(named: name)))
    }

    @Test(arguments: [("2:4", 2, 4), ("1:4", 1, 4), ("4:8", 4, 8), ("16:32", 16, 32)])
    func pattern_holdsInTheFile(_ pattern: String, _ keep: Int, _ group: Int) throws {
        let place = try Workplace()
        try place.run("prune: {pattern: \"\(pattern)\"}\n" + Workplace.calibration)
        #expect(try place.report()["prune"]?["pattern"]?.string == pattern)
        for (name, layer) in try place.layers() {
            let weights = try values(place, "\(name).weight")
            for start in stride(from: 0, to: weights.count, by: group) {
                #expect(weights[start..<(start + group)].count { $0 != 0 } == keep)
            }
            #expect(layer["sparsity"]?.double == 1 - Double(keep) / Double(group))
        }
    }

    @Test func layerScope_spendsTheLayersBudget() throws {
        let place = try Workplace()
        try place.run(
            "prune: {method: wanda, scope: layer, sparsity: 0.61}\n" + Workplace.calibration)
        var uneven = 0
        for (name, layer) in try place.layers() {
            let weights = try values(place, "\(name).weight")
            #expect(layer["zeros"]?.integer == Int(Double(weights.count) * 0.61 + 1e-9))
            let columns = try #require(layer["columns"]?.integer)
            let rows = stride(from: 0, to: weights.count, by: columns).map { start in
                weights[start..<(start + columns)].count { $0 == 0 }
            }
            if Set(rows).count > 1 { uneven += 1 }
        }
        #expect(uneven == 21)
    }

    @Test(arguments: [
        ("{targets: ['mlp\\.']}", 9), ("{targets: [q_proj, k_proj]}", 6),
        ("{ignore: [down_proj, 'layers\\.[02]\\.']}", 6), ("{targets: ['layers\\.1\\.']}", 7),
        ("{targets: ['^model.layers.2.mlp.up_proj$']}", 1), ("{ignore: []}", 21),
    ])
    func targets_areAllThatChanges(_ prune: String, _ count: Int) throws {
        let place = try Workplace()
        try place.run("statistics: true\nprune: \(prune)\n" + Self.both)
        let names = Set(try place.layers().keys)
        #expect(names.count == count)
        let pruned = try place.checkpoint()
        for tensor in try place.checkpoint("model").tensors {
            let other = try #require(pruned.tensor(named: tensor.name))
            let isTarget = names.contains(String(tensor.name.dropLast(".weight".count)))
            #expect(other.bytes.elementsEqual(tensor.bytes) != isTarget, "\(tensor.name)")
        }
        // Whatever else the bias flags cover has zeros, and the whole is what was evaluated.
        try place.run(
            "prune: {method: magnitude, sparsity: 0}\n" + Workplace.evaluation, model: "out",
            output: "again")
        let first = try #require(place.report()["perplexity"]?["pruned"]?.double)
        let again = try #require(place.report("again")["perplexity"]?["pruned"]?.double)
        #expect(abs(again / first - 1) < 1e-6)
    }

    @Test func noTargets_isSaid() throws {
        let place = try Workplace()
        let job = try place.job("prune: {targets: [nothing]}\n" + Workplace.calibration)
        let error = #expect(throws: PlanError.self) { try job.validate() }
        #expect(error?.exitCode == .configuration)
        #expect(error?.description.contains("model.layers.0.self_attn.q_proj") == true)
    }

    @Test func groupsThatDoNotDivide_areRefused() throws {
        let place = try Workplace()
        let job = try place.job("prune: {pattern: \"3:6\"}\n" + Workplace.calibration)
        let error = #expect(throws: PlanError.self) { try job.validate() }
        #expect(error?.description.contains("64 columns") == true)
        #expect(error?.exitCode == .configuration)
    }

    /// Without `sequential` every block sees what the dense model gives it.
    @Test func sequentialFalse_followsTheDenseModel() throws {
        let place = try Workplace()
        let rest = "statistics: true\n" + Self.both
        try place.run("prune: {sequential: false}\n" + rest)
        try place.run("prune: {sequential: true}\n" + rest, output: "sequential")
        try place.run("prune: {method: magnitude, sparsity: 0}\n" + rest, output: "dense")
        func statistics(_ output: String) throws -> SafetensorsFile {
            try SafetensorsFile(place["\(output)/stade-statistics.safetensors"])
        }
        let (out, sequential, dense) = (
            try statistics("out"), try statistics("sequential"), try statistics("dense")
        )
        for tensor in dense.tensors where tensor.name.hasSuffix(".norm2") {
            let found = try #require(out.tensor(named: tensor.name))
            #expect(found.bytes.elementsEqual(tensor.bytes), "\(tensor.name)")
            let other = try #require(sequential.tensor(named: tensor.name))
            // Inside a block the layers are still dense when they are measured.
            let isFirst = tensor.name.contains(".layers.0.")
            #expect(other.bytes.elementsEqual(tensor.bytes) == isFirst, "\(tensor.name)")
        }
        let report = try place.report()
        #expect(report["prune"]?["sequential"]?.bool == false)
        for block in try #require(report["blocks"]?.array) { #expect(block["mse"]?.isNull == true) }
        #expect(report["perplexity"]?["pruned"]?.double != nil)
    }

    @Test(arguments: [true, false])
    func sparsityList_isOneOutputEach(_ sequential: Bool) throws {
        let place = try Workplace()
        let settings = "sequential: \(sequential)"
        let paths = try place.run(
            "statistics: true\nprune: {sparsity: [0.3, 0.5, 0.75], \(settings)}\n" + Self.both,
            // The slash is not part of the name.
            output: "list/")
        let names = ["list-0.3", "list-0.5", "list-0.75"]
        #expect(paths == names.map { place[$0] })
        #expect(try place.entries() == names + ["model", "tokens.safetensors"])
        for (name, sparsity) in zip(names, [0.3, 0.5, 0.75]) {
            try place.run(
                "statistics: true\nprune: {sparsity: \(sparsity), \(settings)}\n" + Self.both,
                output: "single-\(sparsity)")
            for file in ["model.safetensors", "config.json", "stade-statistics.safetensors"] {
                #expect(
                    try readFile(place["\(name)/\(file)"])
                        == readFile(place["single-\(sparsity)/\(file)"]), "\(name) \(file)")
            }
            let report = try place.report(name)
            let single = try place.report("single-\(sparsity)")
            #expect(report["layers"] == single["layers"])
            #expect(report["perplexity"] == single["perplexity"])
            #expect(report["prune"]?["sparsity"]?.double == sparsity)
            let curve = try #require(report["curve"]?.array)
            #expect(curve.map { $0["sparsity"]?.double } == [0.3, 0.5, 0.75])
            #expect(curve.map { $0["output"]?.string } == paths)
            let point = try #require(curve.first { $0["sparsity"]?.double == sparsity })
            #expect(point["zeros"]?.integer == report["cost"]?["zeros"]?.integer)
            #expect(point["perplexity"]?.double == report["perplexity"]?["pruned"]?.double)
            for key in [
                "next_token_agreement", "agreement_standard_error", "kl_divergence",
                "kl_standard_error",
            ] {
                let value = try #require(point[key]?.double)
                #expect(value == report["fidelity"]?[key]?.double, "\(key)")
            }
            #expect(point["choices_change"]?.isNull == true)
            #expect(
                point["ratio_standard_error"]?.double
                    == report["perplexity"]?["ratio_standard_error"]?.double)
            #expect(
                point["multiply_adds_per_token"]?.integer
                    == report["cost"]?["multiply_adds_per_token_pruned"]?.integer)
            #expect(point["bytes"]?.integer == report["cost"]?["bytes_pruned"]?.integer)
        }
    }

    /// The statistics and the biases of one method are not those of another; each output has its
    /// own.
    @Test(arguments: [
        (true, "[wanda, stade]", "[0.5]"),
        (false, "[wanda, stade, auto, best, sparsegpt]", "[0.5]"),
        (false, "[auto, stade-obs, magnitude]", "[0.25, 0.625]"),
    ])
    func methodList_isOneOutputEach(
        _ sequential: Bool, _ methods: String, _ sparsities: String
    ) throws {
        let place = try Workplace()
        let rest = "sequential: \(sequential)}\nstatistics: true\n" + Self.both
        let paths = try place.run(
            "prune: {method: \(methods), sparsity: \(sparsities), \(rest)", output: "list")
        let names = methods.dropFirst().dropLast().split(separator: ",").map {
            $0.drop { $0 == " " }
        }
        let shares = sparsities.dropFirst().dropLast().split(separator: ",").map {
            $0.drop { $0 == " " }
        }
        let pairs = names.flatMap { name in shares.map { (name, $0) } }
        let outputs = pairs.map { shares.count > 1 ? "list-\($0.0)-\($0.1)" : "list-\($0.0)" }
        #expect(paths == outputs.map { place[$0] })
        #expect(try place.entries() == outputs.sorted() + ["model", "tokens.safetensors"])
        for ((method, sparsity), output) in zip(pairs, outputs) {
            try place.run(
                "overwrite: true\nprune: {method: \(method), sparsity: \(sparsity), \(rest)",
                output: "single")
            for file in ["model.safetensors", "config.json", "stade-statistics.safetensors"] {
                let isSame =
                    try readFile(place["\(output)/\(file)"])
                    == readFile(place["single/\(file)"])
                #expect(isSame, "\(output) \(file)")
            }
            let (report, single) = (try place.report(output), try place.report("single"))
            for key in ["layers", "perplexity", "prune", "cost"] {
                #expect(report[key] == single[key], "\(output) \(key)")
            }
            #expect(report["prune"]?["method"]?.string == String(method))
            let curve = try #require(report["curve"]?.array)
            #expect(curve.map { $0["method"]?.string } == pairs.map { String($0.0) })
            #expect(curve.map { $0["output"]?.string } == paths)
        }
    }

    @Test func random_needsNoCalibration() throws {
        let place = try Workplace()
        let prune = "prune: {method: random}\n"
        try place.run(prune + "limits: {threads: 1}\n")
        try place.run(prune + "limits: {threads: 3}\n", output: "again")
        #expect(
            try readFile(place["out/model.safetensors"])
                == readFile(place["again/model.safetensors"]))
        let report = try place.report()
        #expect(report["calibration"]?.isNull == true && report["perplexity"]?.isNull == true)
        for layer in try place.layers().values {
            #expect(layer["sparsity"]?.double == 0.5)
            for key in ["expected_error", "measured_error", "bias_share"] {
                #expect(layer[key]?.isNull == true)
            }
        }
        // Another seed, which only a calibration has, is another lot.
        try place.run(
            prune + "calibration: {tokens: tokens.safetensors, seed: 7}\n", output: "other")
        #expect(
            try readFile(place["out/model.safetensors"])
                != readFile(place["other/model.safetensors"]))
    }

    @Test func bfloat16_isNearFloat32() throws {
        let place = try Workplace()
        try place.run("compute: {precision: float32}\n" + Self.both)
        try place.run("compute: {precision: bfloat16}\n" + Self.both, output: "rough")
        let (exact, rough) = (try place.report(), try place.report("rough"))
        #expect(rough["resources"]?["precision"]?.string == "bfloat16")
        for key in ["dense", "pruned"] {
            let value = try #require(rough["perplexity"]?[key]?.double)
            let other = try #require(exact["perplexity"]?[key]?.double)
            #expect(abs(value / other - 1) < 0.02)
            #expect(value != other)
        }
    }

    @Test(arguments: Fixture.families)
    func threads_giveTheSameBytes(_ family: String) throws {
        let place = try Workplace(family)
        for threads in 1...3 {
            try place.run(
                "statistics: true\nlimits: {threads: \(threads)}\n" + Self.both,
                output: "out\(threads)")
            for file in ["model.safetensors", "stade-statistics.safetensors"] {
                #expect(
                    try readFile(place["out\(threads)/\(file)"])
                        == readFile(place["out1/\(file)"]), "\(threads) threads: \(file)")
            }
            let report = try place.report("out\(threads)")
            #expect(try report["layers"] == place.report("out1")["layers"])
            #expect(try report["perplexity"] == place.report("out1")["perplexity"])
            #expect(report["resources"]?["threads"]?.integer == threads)
        }
    }
}
