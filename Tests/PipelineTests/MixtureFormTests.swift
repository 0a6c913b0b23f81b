import Checkpoint
import Documents
import Posix
import Tensors
import TestSupport
import Testing

import Pipeline

/// Forms in which mixtures are stored, and what is stored of them.
struct MixtureFormTests {
    private static let stade = "prune: {method: stade, sparsity: 0.5, compensation: mean}\n"

    /// Experts in four-bit floats are the same model as in bfloat16, and the output says nothing of
    /// how they were stored.
    @Test(arguments: [stade, "prune: {pattern: channels, sparsity: 0.25}\n"])
    func mxfp4_isReadAsTheSameExperts(_ prune: String) throws {
        let place = try MixtureTests.place("gpt_oss")
        var random: UInt64 = 17
        func next() -> UInt8 {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: random >> 33)
        }
        let sizes: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
        var (packed, plain): ([Workplace.Tensor], [Workplace.Tensor]) = ([], [])
        for tensor in try place.tensors() {
            guard tensor.name.hasSuffix("gate_up_proj") || tensor.name.hasSuffix("down_proj"),
                tensor.shape.count == 3
            else {
                packed.append(tensor)
                plain.append(tensor)
                continue
            }
            let (experts, inner, outer) = (tensor.shape[0], tensor.shape[1], tensor.shape[2])
            #expect(inner % 32 == 0)
            let blocks = (0..<experts * outer * inner / 2).map { _ in next() }
            let scales = (0..<experts * outer * inner / 32).map { _ in 122 + next() % 4 }
            packed.append(
                ("\(tensor.name)_blocks", .uint8, [experts, outer, inner / 32, 16], blocks))
            packed.append(("\(tensor.name)_scales", .uint8, [experts, outer, inner / 32], scales))
            var values = [Float](repeating: 0, count: experts * inner * outer)
            for index in 0..<values.count {
                let (line, row) = index.quotientAndRemainder(dividingBy: inner)
                let (expert, column) = line.quotientAndRemainder(dividingBy: outer)
                let code = Int(index % 2 == 0 ? blocks[index / 2] & 15 : blocks[index / 2] >> 4)
                let power = Float(
                    sign: .plus, exponent: Int(scales[index / 32]) - 127, significand: 1)
                values[(expert * inner + row) * outer + column] =
                    (code < 8 ? sizes[code] : -sizes[code - 8]) * power
            }
            plain.append((tensor.name, .bfloat16, tensor.shape, bytes(values, .bfloat16)))
        }
        #expect(packed.count == plain.count + 2 * 3)
        let job = prune + Workplace.calibration + MixtureTests.evaluation
        try place.store(plain)
        try place.run(job, output: "plain")
        try place.store(packed)
        try place.configure {
            $0.setting(
                "quantization_config",
                to: .object(["quant_method": "mxfp4", "modules_to_not_convert": ["lm_head"]]))
        }
        try place.run(job, output: "packed")
        #expect(try place.json("packed/config.json")["quantization_config"] == nil)
        let found = try place.tensors("packed").sorted { $0.name < $1.name }
        let wanted = try place.tensors("plain").sorted { $0.name < $1.name }
        #expect(found.map(\.name) == wanted.map(\.name))
        for (a, b) in zip(found, wanted) {
            #expect(a.type == b.type && a.shape == b.shape && a.bytes == b.bytes, "\(a.name)")
        }
        let (a, b) = (try place.report("packed"), try place.report("plain"))
        #expect(try text(#require(a["perplexity"])) == text(#require(b["perplexity"])))
    }

    /// A flag that gives layers a bias and the head one too is not written without the head's.
    @Test func flagForTheHeadToo_writesItsZeros() throws {
        let place = try MixtureTests.place("ernie4_5_moe")
        try place.store(
            place.tensors().filter {
                !$0.name.hasSuffix(".bias") && $0.name != "lm_head.weight"
            })
        try place.configure { $0.setting("use_bias", to: false) }
        try place.run(
            "prune: {method: stade, sparsity: 0.5}\n" + Workplace.calibration
                + MixtureTests.evaluation)
        #expect(try place.json("out/config.json")["use_bias"]?.bool == true)
        let tensors = try place.tensors("out")
        let head = try #require(tensors.first { $0.name == "lm_head.bias" })
        #expect(head.shape == [96] && head.bytes.allSatisfy { $0 == 0 })
        #expect(tensors.contains { $0.name == "model.layers.1.mlp.shared_experts.down_proj.bias" })
        #expect(!tensors.contains { $0.name.contains(".experts.") && $0.name.hasSuffix(".bias") })
        let pruned = try #require(place.report()["perplexity"]?["pruned"]?.double)
        try place.run(
            "prune: {method: magnitude, sparsity: 0.5}\n" + MixtureTests.evaluation, model: "out",
            output: "again")
        let again = try #require(place.report("again")["perplexity"]?["dense"]?.double)
        #expect(abs(again / pruned - 1) < 1e-6, "\(again), not \(pruned)")
    }

    /// A job from the statistics of another one gives its bits: each expert has its own number of
    /// tokens.
    @Test(arguments: [
        ("qwen3_moe", "method: stade"), ("granitemoe", "method: wanda"),
        ("gpt_oss", "method: stade, compensation: mean"),
    ])
    func statisticsFile_givesTheSameBits(_ family: String, _ prune: String) throws {
        let place = try MixtureTests.place(family)
        try place.run(
            "statistics: true\nprune: {\(prune), sequential: false}\n" + Workplace.calibration
                + MixtureTests.evaluation, output: "first")
        try place.run(
            "statistics: true\nprune: {\(prune)}\n"
                + "calibration: {statistics: first/stade-statistics.safetensors}\n"
                + MixtureTests.evaluation)
        for file in ["model.safetensors", "stade-statistics.safetensors"] {
            let isSame = try readFile(place["out/\(file)"]) == readFile(place["first/\(file)"])
            #expect(isSame, "\(file)")
        }
        let (layers, others) = (try place.layers(), try place.layers("first"))
        #expect(layers.count == others.count)
        var counts: Set<Int> = []
        for (name, layer) in layers {
            let other = try #require(others[name])
            #expect(text(layer) == text(other.setting("measured_error", to: .null)), "\(name)")
            if let tokens = layer["statistics"]?["tokens"]?.integer { counts.insert(tokens) }
        }
        #expect(counts.count > 3)
    }

    /// A file that does not say how many tokens experts serve, or says too many.
    @Test(arguments: [
        ("", "does not say how many tokens"), ("far too many", "expected int64 [1], from 0 to"),
        ("negative", "expected int64 [1], from 0 to"),
    ])
    func statisticsFileWithoutTokens_isRefused(_ count: String, _ words: String) throws {
        let place = try MixtureTests.place("qwen3_moe")
        try place.run(
            "statistics: true\nprune: {method: wanda, sparsity: 0.5, sequential: false}\n"
                + Workplace.calibration, output: "first")
        let path = place["first/stade-statistics.safetensors"]
        let file = try SafetensorsFile(path)
        let name = "model.layers.2.mlp.experts.5.down_proj.tokens"
        var tensors = file.tensors.map { ($0.name, $0.type, $0.shape, Array($0.bytes)) }
        #expect(tensors.contains { $0.0 == name })
        if count.isEmpty {
            tensors.removeAll { $0.0 == name }
        } else {
            let bytes = [UInt8](repeating: 0xff, count: 7) + [count == "negative" ? 0xff : 0x7f]
            for index in tensors.indices where tensors[index].0 == name { tensors[index].3 = bytes }
        }
        let metadata = file.metadata
        try removeTree(path)
        try SafetensorsFile.write(path, tensors: tensors, metadata: metadata)
        let job = try place.job(
            "prune: {method: wanda, sparsity: 0.5}\n"
                + "calibration: {statistics: first/stade-statistics.safetensors}\n")
        let error = #expect(throws: PlanError.self) { try job.validate() }
        #expect(error?.description.contains(words) == true, "\(error.debugDescription)")
        #expect(error?.description.contains(name) == true)
    }
}
