import Checkpoint
import Tensors
import Transformer

extension Model {
    /// The type in which a layer's weights are stored.
    func weightType(_ layer: LayerKey, block: Int) throws -> ElementType {
        try weights(layer, block: block).type
    }

    /// The type in which a layer's bias is stored; an added one is float32 whatever the weights
    /// are: it costs next to nothing, and rounding it to bfloat16 moved 0.1 % of the masks of later
    /// blocks (SmolLM2-135M). Loaders convert it to the type that they compute in.
    func biasType(_ layer: LayerKey, block: Int) -> ElementType {
        checkpoint.tensor(named: "\(layerName(layer, block: block)).bias")?.type ?? .float32
    }

    /// The bias of a layer after `change`, rounded to the type in which it is written.
    func bias(
        of layer: Linear, plus change: [Float]?, _ plan: LayerPlan
    ) -> [Float]? {
        guard let change else { return layer.bias }
        var bias = layer.bias ?? [Float](repeating: 0, count: change.count)
        for row in bias.indices { bias[row] += change[row] }
        round(&bias, to: biasType(plan.key, block: plan.block))
        return bias
    }
}
