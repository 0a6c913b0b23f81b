import Checkpoint
import Documents
import Tensors
import Testing

import Pipeline

/// The report's measured errors against what the files of both models come to on the same inputs.
struct JobMeasuredErrorTests {
    /// Two windows of 64 tokens: 128, as many as are kept each by itself.
    private func place() throws -> Workplace {
        let place = try Workplace()
        let tokens = try #require(
            try SafetensorsFile(place["tokens.safetensors"]).tensor(named: "calibration"))
        try SafetensorsFile.write(
            place["few.safetensors"],
            tensors: [("calibration", .int32, [2, 64], Array(tokens.bytes.prefix(4 * 128)))])
        return place
    }

    /// What the first block's q, k and v read: the embedded tokens behind the first norm.
    private func inputs(_ place: Workplace) throws -> [[Double]] {
        let file = try SafetensorsFile(place["few.safetensors"])
        let tokens = try #require(file.tensor(named: "calibration"))
        let model = try place.checkpoint("model")
        let table = floats(try #require(model.tensor(named: "model.embed_tokens.weight")))
        let gains = floats(
            try #require(model.tensor(named: "model.layers.0.input_layernorm.weight")))
        return integers(tokens).map { token in
            let token = Int(token)
            let x = (0..<gains.count).map { Double(table[token * gains.count + $0]) }
            let square = x.reduce(0) { $0 + $1 * $1 } / Double(x.count)
            return zip(x, gains).map { $0 / (square + 1e-6).squareRoot() * Double($1) }
        }
    }

    @Test(arguments: [
        "method: auto", "method: auto, sequential: false", "method: sparsegpt", "method: stade-obs",
        "method: best, pattern: 2:4", "method: magnitude, compensation: affine",
        "method: wanda, scope: layer, compensation: scale", "method: random",
    ])
    func report_hasTheErrorOfTheFiles(_ prune: String) throws {
        let place = try place()
        try place.run(
            "prune: {\(prune)}\ncompute: {precision: float32}\n"
                + "calibration: {tokens: few.safetensors}\n")
        let inputs = try inputs(place)
        let (dense, pruned) = (try place.checkpoint("model"), try place.checkpoint())
        let layers = try place.layers()
        for role in ["q_proj", "k_proj", "v_proj"] {
            let name = "model.layers.0.self_attn.\(role)"
            let old = floats(try #require(dense.tensor(named: "\(name).weight")))
            let new = floats(try #require(pruned.tensor(named: "\(name).weight")))
            let bias = pruned.tensor(named: "\(name).bias").map { floats($0) }
            let columns = inputs[0].count
            var (error, power) = (0.0, 0.0)
            for row in 0..<(old.count / columns) {
                for x in inputs {
                    var (y, z) = (0.0, Double(bias?[row] ?? 0))
                    for (j, value) in x.enumerated() {
                        y += Double(old[row * columns + j]) * value
                        z += Double(new[row * columns + j]) * value
                    }
                    error += (y - z) * (y - z)
                    power += y * y
                }
            }
            let measured = try #require(layers[name]?["measured_error"]?.double)
            #expect(abs(measured / (error / power) - 1) < 1e-4, "\(name): \(measured)")
        }
        for layer in layers.values { #expect(layer["measured_error"]?.double != nil) }
    }

    /// Layers that lose columns are solved for; those that lose the rows before them have nothing
    /// to measure.
    @Test func channels_haveErrorsWhereColumnsGo() throws {
        let place = try Workplace()
        try place.run("prune: {pattern: channels, sparsity: 0.3}\n" + Workplace.calibration)
        for (name, layer) in try place.layers() {
            let isLast = name.hasSuffix("down_proj")
            #expect((layer["measured_error"]?.double ?? 0 > 0) == isLast, "\(name)")
            #expect((layer["expected_error"]?.double != nil) == isLast, "\(name)")
        }
    }
}
