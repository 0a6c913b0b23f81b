import Pruning
import Tensors
import Transformer

extension Survey {
    /// The curves of those layers in memory that are to be pruned, and what those that write to the
    /// residual stream add to it, by its expected square.
    mutating func addCurves(
        _ layers: [LayerKey: Linear], block: Int, _ statistics: [Tap: Statistics],
        _ powers: inout [LayerKey: Double]
    ) throws {
        for key in layers.keys.sorted() where key.stage == .output || key.stage == .down {
            guard let layer = layers[key], let input = statistics[key.tap] else { continue }
            powers[key] = try ErrorCurve.power(layer, input, pool: passes.pool)
        }
        for layer in plan.outputs.flatMap({ $0.treatment.layers[block] }) {
            let key = Key(layer)
            guard layer.choice != nil, curves[key] == nil, let linear = layers[layer.key],
                let input = statistics[layer.key.tap]
            else { continue }
            guard input.isFinite else {
                throw SweepError(model: plan.model.checkpoint.directory, layer: layer.name)
            }
            curves[key] = try ErrorCurve(
                of: linear, statistics: input, isCentred: key.isCentred,
                scope: plan.manifest.prune.scope, pool: passes.pool)
        }
    }

    /// Adds what a block's halves bring to the stream, first the attention's; experts' outputs are
    /// taken as uncorrelated.
    mutating func add(_ powers: [LayerKey: Double], block: Int) {
        for isInAttention in [true, false] {
            let writers = powers.keys.filter { $0.role.isInAttention == isInAttention }.sorted()
            if writers.isEmpty { continue }
            let half = writers.reduce(0) { $0 + (powers[$1] ?? 0) }
            stream += half
            let ofExperts = Dictionary(
                writers.map { ($0.expert, powers[$0] ?? 0) }, uniquingKeysWith: +)
            for key in plan.model.layers(block: block)
            where key.role.isInAttention == isInAttention {
                // What chooses among experts decides on all that they bring.
                let isChoosing = key.role == .router || key.role == .sharedGate
                let own = isChoosing ? half : ofExperts[key.expert] ?? half
                parts[plan.model.layerName(key, block: block)] = stream > 0 ? own / stream : 1
            }
        }
    }
}
