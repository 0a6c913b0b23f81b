import Checkpoint
import Documents
import Posix
import Tensors
import Testing

import Pipeline

/// Jobs that take their statistics from the file that an earlier one has left.
struct StatisticsFileTests {
    private static let both = Workplace.calibration + Workplace.evaluation
    private static let known =
        "calibration: {statistics: first/stade-statistics.safetensors}\n" + Workplace.evaluation

    /// A one-pass job and the same from its file, bit by bit; the file's file is the file.
    @Test(arguments: [
        ("llama", "method: wanda"), ("llama", "method: stade, sparsity: 0.7"),
        ("opt", "method: auto, compensation: mean"), ("qwen3", "method: stade-w"),
        ("llama", "method: stade-star, pattern: 2:4"),
        ("opt-post-norm", "method: stade, scope: layer, ignore: [q_proj]"),
    ])
    func fileInPlaceOfText_givesTheSameBits(_ family: String, _ prune: String) throws {
        let place = try Workplace(family)
        try place.run(
            "statistics: true\nprune: {\(prune), sequential: false}\n" + Self.both, output: "first")
        try place.run("statistics: true\nprune: {\(prune)}\n" + Self.known)
        for file in ["model.safetensors", "config.json", "stade-statistics.safetensors"] {
            let isSame = try readFile(place["out/\(file)"]) == readFile(place["first/\(file)"])
            #expect(isSame, "\(file)")
        }
        let (report, first) = (try place.report(), try place.report("first"))
        for key in ["perplexity", "prune", "cost"] {
            #expect(try text(#require(report[key])) == text(#require(first[key])), "\(key)")
        }
        // The inputs themselves were not seen.
        let layers = try #require(report["layers"]?.array)
        let others = try #require(first["layers"]?.array)
        #expect(layers.count == others.count)
        for (layer, other) in zip(layers, others) {
            #expect(other["measured_error"]?.double != nil)
            #expect(text(layer) == text(other.setting("measured_error", to: .null)))
        }
        let calibration = try #require(report["calibration"])
        #expect(calibration["tokens"]?.integer == first["calibration"]?["tokens"]?.integer)
        #expect(calibration["pruned"]?.isNull == true)
    }

    /// Other methods and sparsities than the file's job had.
    @Test func file_servesManyOutputs() throws {
        let place = try Workplace()
        let sweep = "prune: {method: [wanda, stade], sparsity: [0.4, 0.6], sequential: false}\n"
        try place.run(
            "statistics: true\nprune: {method: magnitude, sequential: false}\n" + Self.both,
            output: "first")
        try place.run(sweep + Self.both, output: "text")
        try place.run(sweep + Self.known)
        for name in ["wanda-0.4", "wanda-0.6", "stade-0.4", "stade-0.6"] {
            let isSame =
                try readFile(place["out-\(name)/model.safetensors"])
                == readFile(place["text-\(name)/model.safetensors"])
            #expect(isSame, "\(name)")
        }
    }

    /// What was gathered behind pruned blocks belongs to what had been pruned, which is said.
    @Test func sequentialStatistics_areSaidToBe() throws {
        let place = try Workplace()
        try place.run(
            "statistics: true\nprune: {method: stade, sparsity: 0.6}\n" + Self.both,
            output: "first")
        try place.run("prune: {method: wanda}\n" + Self.known)
        let report = try place.report()
        #expect(report["calibration"]?["pruned"]?.string == "stade at sparsity 0.6")
        #expect(report["prune"]?["sequential"]?.bool == false)
        let card = String(decoding: try readFile(place["out/README.md"]), as: UTF8.self)
        #expect(card.contains("gathered while pruning by stade at sparsity 0.6"))
    }

    @Test(arguments: [
        ("method: auto", "compensation affine-shrunk of method auto is fitted on inputs"),
        ("method: wanda, compensation: scale", "prune.compensation mean or none"),
        ("method: best", "method best solves layer model.layers.0.self_attn.q_proj"),
        ("method: [wanda, sparsegpt]", "choose another method"),
    ])
    func methodThatNeedsInputs_isRefusedByThePlan(_ prune: String, _ words: String) throws {
        let place = try Workplace()
        try place.run(
            "statistics: true\nprune: {method: magnitude, sequential: false}\n" + Self.both,
            output: "first")
        let job = try place.job("prune: {\(prune)}\n" + Self.known)
        let error = #expect(throws: PlanError.self) { try job.validate() }
        #expect(error?.exitCode == .configuration)
        #expect(error?.description.contains(words) == true, "\(error.debugDescription)")
    }

    enum Fault: String, CaseIterable {
        case otherWeights = "is of another model than"
        case otherConfig = "config.json were changed"
        case noOrigin = "does not say of what model"
        case missing = "tensor 'model.layers.1.mlp.down_proj.var'"
        case noLayer = "has no statistics of layer model.layers.2.self_attn.o_proj"
        case notANumber = "model.layers.0.mlp.gate_proj.norm2"
        case negative = "is negative at [3]"
        case shape = "model.layers.1.mlp.gate_proj.mean"
    }

    @Test(arguments: Fault.allCases)
    func fileOfNoUse_isRefusedByThePlan(_ fault: Fault) throws {
        let place = try Workplace()
        try place.run(
            "statistics: true\nprune: {method: magnitude, sequential: false}\n" + Self.both,
            output: "first")
        let path = place["first/stade-statistics.safetensors"]
        let file = try SafetensorsFile(path)
        var tensors = file.tensors.map { ($0.name, $0.type, $0.shape, Array($0.bytes)) }
        var metadata = file.metadata
        func change(_ name: String, _ edit: (inout (String, ElementType, [Int], [UInt8])) -> Void) {
            for index in tensors.indices where tensors[index].0 == name { edit(&tensors[index]) }
        }
        switch fault {
        case .otherWeights:
            var weights = try place.tensors()
            weights[5].bytes[8] ^= 1
            try place.store(weights)
        case .otherConfig:
            try place.configure { $0.setting("rms_norm_eps", to: Node(3e-5)) }
        case .noOrigin: metadata = []
        case .missing: tensors.removeAll { $0.0 == "model.layers.1.mlp.down_proj.var" }
        case .noLayer: tensors.removeAll { $0.0.hasPrefix("model.layers.2.self_attn.o_proj") }
        case .notANumber:
            change("model.layers.0.mlp.gate_proj.norm2") {
                $0.3.replaceSubrange(4..<8, with: [0, 0, 0xc0, 0x7f])
            }
        case .negative: change("model.layers.0.mlp.down_proj.var") { $0.3[15] = 0xbf }
        case .shape:
            change("model.layers.1.mlp.gate_proj.mean") {
                $0.2[0] -= 1
                $0.3.removeLast(4)
            }
        }
        try removeTree(path)
        try SafetensorsFile.write(path, tensors: tensors, metadata: metadata)
        let job = try place.job("prune: {method: wanda}\n" + Self.known)
        let error = failure { try job.validate() }
        #expect(error?.exitCode == .data)
        #expect(error?.description.contains(fault.rawValue) == true, "\(error.debugDescription)")
        #expect(error?.description.contains("\n") == false)
    }
}
