import Checkpoint
import Posix
import Pruning
import Tensors
import Transformer

/// Writes `stade-statistics.safetensors` layer by layer: `<layer>.mean`, `.var`, `.norm2`,
/// `.bias_change` and `.scale` in float32, `.pruned` in uint8 (1 = zeroed); of experts `.tokens` in
/// int64, `[1]`: how many tokens the expert serves.
struct StatisticsWriter: Sendable {
    private let writer: SafetensorsWriter

    init(in directory: Directory, _ plan: Plan, _ output: Plan.Output) throws {
        writer = try SafetensorsWriter(
            Layout.Output.statistics, in: directory, Self.layout(plan, output, in: directory))
    }

    /// Goes on with the file of an earlier process.
    /// - Parameter firstBlock: of which, and of those after it, nothing has been written.
    init(
        resuming directory: Directory, _ plan: Plan, _ output: Plan.Output, firstBlock: Int
    ) throws {
        let unwritten = output.treatment.layers.dropFirst(firstBlock).joined().flatMap { layer in
            ["mean", "var", "norm2", "tokens", "pruned", "bias_change", "scale"].map {
                "\(layer.name).\($0)"
            }
        }
        writer = try SafetensorsWriter(
            resuming: Layout.Output.statistics, in: directory,
            Self.layout(plan, output, in: directory),
            unwritten: Set(unwritten))
    }

    private static func layout(
        _ plan: Plan, _ output: Plan.Output, in directory: Directory
    ) throws -> SafetensorsLayout {
        try layout(
            plan.model, output.treatment.layers, origin: plan.origin(of: output),
            file: joined(directory.path, Layout.Output.statistics))
    }

    /// What the file of such layers will hold.
    /// - Parameters:
    ///   - origin: of the statistics; nil where there are none.
    ///   - file: for messages only.
    static func layout(
        _ model: Model, _ layers: [[LayerPlan]], origin: StatisticsFile.Origin?, file: String
    ) throws -> SafetensorsLayout {
        var infos: [TensorInfo] = []
        for layer in layers.joined() {
            guard let choice = layer.choice else { continue }
            let shape = model.shape(layer.key, block: layer.block)
            if origin != nil {
                for kind in ["mean", "var", "norm2"] {
                    infos.append(
                        TensorInfo(
                            name: "\(layer.name).\(kind)", type: .float32, shape: [shape.columns]))
                }
                if layer.key.expert != nil {
                    infos.append(
                        TensorInfo(name: "\(layer.name).tokens", type: .int64, shape: [1]))
                }
            }
            infos.append(
                TensorInfo(
                    name: "\(layer.name).pruned", type: .uint8, shape: shape.dimensions))
            if choice.compensation.needsBias {
                infos.append(
                    TensorInfo(
                        name: "\(layer.name).bias_change", type: .float32, shape: [shape.rows]))
            }
            if choice.compensation.fitsScale {
                infos.append(
                    TensorInfo(name: "\(layer.name).scale", type: .float32, shape: [shape.rows]))
            }
        }
        return try SafetensorsLayout(infos, metadata: origin?.metadata ?? [], file: file)
    }

    func write(_ result: LayerResult, progress: (Int) throws -> Void) throws {
        let name = result.plan.name
        try writer.write("\(name).pruned", result.outcome.mask.span.bytes, progress: progress)
        func write(_ kind: String, _ values: [Float]?) throws {
            if let values { try writer.write("\(name).\(kind)", values.span.bytes) }
        }
        try write("mean", result.statistics?.mean.map { Float($0) })
        try write("var", result.statistics?.variance.map { Float($0) })
        try write("norm2", result.statistics?.norm2.map { Float($0) })
        if result.statistics != nil, result.plan.key.expert != nil {
            let served = [Int64(result.tokens ?? 0)]
            try writer.write("\(name).tokens", served.span.bytes)
        }
        try write("bias_change", result.outcome.biasChange)
        try write("scale", result.outcome.scales)
    }

    /// Makes durable what was written so far.
    func sync() throws { try writer.sync() }

    func finish() throws { try writer.finish() }
}
