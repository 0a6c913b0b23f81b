import Tensors
import Transformer

extension Model {
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
