import Checkpoint
import Documents
import Posix
import Pruning
import Tensors
import Testing
import Transformer

import Pipeline

/// What a job leaves: the checkpoint, its companions and a report that says what is in it.
struct JobOutputTests {
    private static let both = Workplace.calibration + Workplace.evaluation

    @Test func output_isComplete() throws {
        let place = try Workplace()
        for (name, text) in [
            ("tokenizer_config.json", "{}"), ("README.md", "# dense"), ("merges.txt", "a b"),
        ] { try writeFile(place["model/\(name)"], Array(text.utf8)) }
        let paths = try place.run("statistics: true\n" + Self.both)
        #expect(paths == [place["out"]])
        let files = try place.files("out")
        for name in [
            "README.md", "README.dense.md", "config.json", "merges.txt", "model.safetensors",
            "stade-report.html", "stade-report.json", "stade-statistics.safetensors",
            "tokenizer_config.json",
        ] { #expect(files.contains(name), "\(name)") }
        #expect(try place.entries() == ["model", "out", "tokens.safetensors"])
        #expect(try readFile(place["out/README.dense.md"]) == Array("# dense".utf8))
        let card = String(decoding: try readFile(place["out/README.md"]), as: UTF8.self)
        #expect(card.contains("stade-report.json") && card.contains("50.0 %"))

        let dense = try place.checkpoint("model")
        let pruned = try place.checkpoint()
        let layers = try place.layers()
        for tensor in dense.tensors {
            let other = try #require(pruned.tensor(named: tensor.name))
            #expect(other.info == tensor.info)
            let layer = String(tensor.name.dropLast(".weight".count))
            #expect(other.bytes.elementsEqual(tensor.bytes) == (layers[layer] == nil))
        }
        let added = Set(pruned.tensorNames).subtracting(dense.tensorNames)
        #expect(added == Set(layers.keys.map { "\($0).bias" }))
        #expect(pruned.shards[0].metadata.contains { $0 == ("format", "pt") })
    }

    @Test func report_isConsistent() throws {
        let place = try Workplace()
        try place.run(Self.both)
        let report = try place.report()
        #expect(report["version"]?.integer == 1)
        #expect(report["job"]?["id"]?.string == "job")
        #expect(report["job"]?["name"]?.string == "test")
        #expect(report["model"]?["family"]?.string == "llama")
        let parameters = try place.checkpoint("model").tensors.reduce(0) { $0 + $1.count }
        #expect(report["model"]?["parameters"]?.integer == parameters)
        #expect(report["calibration"]?["samples"]?.integer == 6)
        #expect(report["calibration"]?["length"]?.integer == 64)
        #expect(report["calibration"]?["tokens"]?.integer == 384)
        #expect(report["perplexity"]?["tokens"]?.integer == 10 * 63)
        let layers = try #require(report["layers"]?.array)
        #expect(layers.count == 21)
        var zeros = 0
        var weights = 0
        for layer in layers {
            let count = try #require(layer["zeros"]?.integer)
            let size = try #require(layer["rows"]?.integer) * #require(layer["columns"]?.integer)
            zeros += count
            weights += size
            #expect(layer["sparsity"]?.double == Double(count) / Double(size))
            #expect(layer["method"]?.string == "stade-shrunk")
            #expect(layer["compensation"]?.string == "affine-shrunk")
            #expect(layer["bias"]?["policy"]?.string == "native")
            #expect(layer["bias"]?["added"]?.bool == true)
            #expect(layer["reason"] == nil)
            #expect((0...1).contains(try #require(layer["bias_share"]?.double)))
            #expect((0...1).contains(try #require(layer["expected_error"]?.double)))
            let measured = try #require(layer["measured_error"]?.double)
            #expect(measured > 0 && measured < 1)
        }
        let cost = try #require(report["cost"])
        #expect(cost["zeros"]?.integer == zeros && cost["weights"]?.integer == weights)
        let bytes = try place.checkpoint().bytes
        #expect(cost["bytes_pruned"]?.integer == bytes)
        #expect(try cost["bytes_dense"]?.integer == place.checkpoint("model").bytes)
        let parameterCount = try place.checkpoint().tensors.reduce(0) { $0 + $1.count }
        #expect(cost["parameters_pruned"]?.integer == parameterCount)
        for key in ["dense_tokens_per_second", "pruned_tokens_per_second"] {
            #expect(try #require(report["speed"]?[key]?.double) > 0)
        }
        #expect(cost["bytes_nonzero"]?.integer == bytes - 4 * zeros)
        #expect(cost["multiply_adds_per_token_dense"]?.integer == weights + 512 * 64)
        #expect(
            cost["multiply_adds_per_token_pruned"]?.integer == weights + 512 * 64 - zeros)
        let blocks = try #require(report["blocks"]?.array)
        #expect(blocks.map { $0["index"]?.integer } == [0, 1, 2])
        for block in blocks {
            #expect(try #require(block["mse"]?.double) > 0)
            #expect((0.5...1).contains(try #require(block["cosine"]?.double)))
        }
        #expect(report["curve"] == nil)
    }

    /// What the report says of the pruned model is what the written files come to.
    @Test(arguments: Fixture.families)
    func perplexity_isThatOfTheOutput(_ family: String) throws {
        let place = try Workplace(family)
        try place.run(Self.both)
        let report = try place.report()
        try checkAgain(place, report)
        var zeroCount = 0
        let checkpoint = try place.checkpoint()
        for (name, layer) in try place.layers() {
            let weights = try #require(checkpoint.tensor(named: "\(name).weight"))
            #expect(zeros(weights) == layer["zeros"]?.integer, "\(name)")
            zeroCount += zeros(weights)
        }
        #expect(report["cost"]?["zeros"]?.integer == zeroCount)
    }

    /// Weights in other types, and biases that are there, are rounded as they are written.
    @Test(
        arguments: [ElementType.bfloat16, .float16],
        ["llama", "opt", "qwen2", "gemma2", "gpt-neox", "phi3"])
    func otherTypes_areRounded(_ type: ElementType, _ family: String) throws {
        let place = try Workplace(family)
        try place.store(
            place.checkpoint("model").tensors.map {
                ($0.name, type, $0.shape, bytes(floats($0), type))
            })
        try place.run(Self.both)
        let checkpoint = try place.checkpoint()
        // A bias that was not there is float32: rounding it would move the masks of later blocks.
        let before = try place.checkpoint("model")
        for tensor in checkpoint.tensors {
            #expect(tensor.type == before.tensor(named: tensor.name)?.type ?? .float32)
        }
        for (name, layer) in try place.layers() {
            let weights = try #require(checkpoint.tensor(named: "\(name).weight"))
            #expect(zeros(weights) == layer["zeros"]?.integer, "\(name)")
        }
        try checkAgain(place, place.report())
    }

    /// Evaluates `out` by a job of its own that prunes nothing.
    private func checkAgain(_ place: Workplace, _ report: Node) throws {
        try place.run(
            "prune: {method: magnitude, sparsity: 0}\n" + Workplace.evaluation, model: "out",
            output: "again")
        let again = try place.report("again")["perplexity"]
        let pruned = try #require(report["perplexity"]?["pruned"]?.double)
        for key in ["dense", "pruned"] {
            let value = try #require(again?[key]?.double)
            #expect(abs(value / pruned - 1) < 1e-6, "\(key): \(value), not \(pruned)")
        }
        let same = try readFile(place["again/model.safetensors"])
        #expect(try same == readFile(place["out/model.safetensors"]))
        #expect(
            try readFile(place["again/config.json"]) == readFile(place["out/config.json"]))
    }

    @Test func shards_areKept() throws {
        let place = try Workplace("llama-tied-rope-scaled")
        let tensors = try place.tensors()
        try place.run(Self.both, output: "whole")
        try removeTree(place["model/model.safetensors"])
        var map: [(String, Node)] = []
        for (number, part) in [tensors[..<9], tensors[9..<12], tensors[12...]].enumerated() {
            let name = "model-0000\(number + 1)-of-00003.safetensors"
            try SafetensorsFile.write(place["model/\(name)"], tensors: Array(part))
            map += part.map { ($0.name, Node(name)) }
        }
        let index: Node = .object([
            "metadata": .object(["total_size": 1]), "weight_map": Node(object: map),
        ])
        try writeFile(place["model/model.safetensors.index.json"], JSON.encode(index))
        try place.run(Self.both)
        let checkpoint = try place.checkpoint()
        #expect(checkpoint.shards.count == 3)
        let whole = try place.checkpoint("whole")
        #expect(Set(whole.tensorNames) == Set(checkpoint.tensorNames))
        for tensor in whole.tensors {
            let other = try #require(checkpoint.tensor(named: tensor.name))
            #expect(other.bytes.elementsEqual(tensor.bytes))
        }
        #expect(checkpoint.index?["metadata"]?["total_size"]?.integer == checkpoint.bytes)
    }

    /// A head that is stored although it is the embedding table is written once.
    @Test func storedTiedHead_goes() throws {
        let place = try Workplace("qwen2")
        var tensors = try place.tensors()
        let table = try #require(tensors.first { $0.name == "model.embed_tokens.weight" })
        tensors.append(("lm_head.weight", table.type, table.shape, table.bytes))
        try place.store(tensors)
        try place.run(Self.both)
        #expect(try place.checkpoint().tensor(named: "lm_head.weight") == nil)
    }
}
