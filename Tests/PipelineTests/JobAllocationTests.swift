import Checkpoint
import Documents
import Posix
import Tensors
import Testing

import Pipeline

/// How jobs share out the zeros among the layers.
struct JobAllocationTests {
    private static let both =
        "compute: {precision: float32}\n" + Workplace.calibration
        + Workplace.evaluation

    private func columns(_ layers: [Node]) throws -> [(zeros: Int, weights: Int, rows: Int)] {
        try layers.map { layer in
            let rows = try #require(layer["rows"]?.integer)
            return (
                try #require(layer["zeros"]?.integer),
                rows * (try #require(layer["columns"]?.integer)), rows
            )
        }
    }

    @Test(
        arguments: ["owl", "error"],
        [
            "method: wanda, sparsity: 0.6", "method: auto, sparsity: 0.55",
            "method: stade, sparsity: 0.5, scope: layer", "method: best, sparsity: 0.7",
            "method: wanda, sparsity: 0.5, bounds: [0.45, 0.52], sequential: false",
            "method: stade-w, sparsity: 0.4, targets: ['mlp', 'layers.1']",
        ])
    func zeros_areAsManyAsAskedFor(_ allocation: String, _ prune: String) throws {
        let place = try Workplace()
        try place.run("prune: {allocation: \(allocation), \(prune)}\n" + Self.both)
        let report = try place.report()
        #expect(report["prune"]?["allocation"]?.string == allocation)
        let total = try #require(report["prune"]?["sparsity"]?.double)
        let layers = try #require(report["layers"]?.array)
        let counts = try columns(layers)
        let zeros = counts.reduce(0) { $0 + $1.zeros }
        let weights = counts.reduce(0) { $0 + $1.weights }
        // A column of the last layer.
        #expect(
            abs(Double(zeros) - total * Double(weights)) <= Double(counts.map(\.rows).max() ?? 0))
        let bounds = prune.contains("bounds") ? 0.45...0.52 : (total - 0.2)...(total + 0.2)
        let shares = try layers.map { try #require($0["sparsity"]?.double) }
        #expect(shares.allSatisfy { bounds.contains($0) }, "\(shares)")
        #expect(Set(shares).count > 1)
        for layer in layers {
            let asked = try #require(layer["sparsity_asked"]?.double)
            #expect(abs(asked - (layer["sparsity"]?.double ?? 0)) < 1e-9)
        }
    }

    /// Against an independent computation with PyTorch: Tests/Reference/owl.py.
    @Test(arguments: ["llama", "opt"])
    func owl_agreesWithReference(_ family: String) throws {
        let path = "\(Fixture.root)/\(family)/expected/owl-0.6.json"
        let expected = try #require(JSON.parse(readFile(path), file: path)["sparsity"]?.array)
        let place = try Workplace(family)
        try place.run(
            "prune: {allocation: owl, method: wanda, sparsity: 0.6, bounds: [0, 0.95]}\n"
                + Self.both)
        for layer in try #require(place.report()["layers"]?.array) {
            let block = try #require(layer["block"]?.integer)
            let columns = Double(try #require(layer["columns"]?.integer))
            let asked = try #require(layer["sparsity_asked"]?.double)
            let wanted = try #require(expected[block].double)
            // Whole columns, and what earlier layers were owed.
            #expect(abs(asked - wanted) < 1.5 / columns, "\(layer["name"]?.string ?? "")")
        }
    }

    /// Every output has the shares of its own method and sparsity, from one survey.
    @Test(arguments: [true, false])
    func list_isOneOutputEach(_ sequential: Bool) throws {
        let place = try Workplace()
        let rest = "allocation: error, sequential: \(sequential)}\n" + Self.both
        try place.run("prune: {method: [wanda, stade], sparsity: [0.4, 0.6], \(rest)")
        for method in ["wanda", "stade"] {
            for sparsity in ["0.4", "0.6"] {
                try place.run(
                    "overwrite: true\nprune: {method: \(method), sparsity: \(sparsity), \(rest)",
                    output: "single")
                let isSame =
                    try readFile(place["out-\(method)-\(sparsity)/model.safetensors"])
                    == readFile(place["single/model.safetensors"])
                #expect(isSame, "\(method) \(sparsity)")
            }
        }
    }

    @Test func threads_giveTheSameBytes() throws {
        for allocation in ["owl", "error"] {
            let place = try Workplace("opt")
            for threads in 1...3 {
                try place.run(
                    "limits: {threads: \(threads)}\nprune: {allocation: \(allocation)}\n"
                        + Self.both,
                    output: "out\(threads)")
                let isSame =
                    try readFile(place["out\(threads)/model.safetensors"])
                    == readFile(place["out1/model.safetensors"])
                #expect(isSame, "\(allocation), \(threads) threads")
            }
        }
    }

    /// From a file of statistics the same shares come without a pass.
    @Test(arguments: ["owl", "error"])
    func statisticsFile_givesTheSameShares(_ allocation: String) throws {
        let place = try Workplace()
        let prune = "prune: {allocation: \(allocation), method: stade, sequential: false}\n"
        try place.run("statistics: true\n" + prune + Self.both, output: "first")
        try place.run(
            prune + "calibration: {statistics: first/stade-statistics.safetensors}\n"
                + "compute: {precision: float32}\n")
        let isSame =
            try readFile(place["out/model.safetensors"])
            == readFile(place["first/model.safetensors"])
        #expect(isSame)
    }
}
