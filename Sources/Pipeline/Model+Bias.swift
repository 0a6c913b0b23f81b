import Checkpoint
import Tensors
import Transformer

extension Model {
    /// The type in which a layer's weights are stored.
    func weightType(_ role: Role, block: Int) throws -> ElementType {
        let name = "\(layerName(role, block: block)).weight"
        return try checkpoint.expect(name, shape: shape(role)).type
    }

    /// The type in which a layer's bias is stored; an added one has the weights' type.
    func biasType(_ role: Role, block: Int) throws -> ElementType {
        if let bias = checkpoint.tensor(named: "\(layerName(role, block: block)).bias") {
            return bias.type
        }
        return try weightType(role, block: block)
    }

    /// The bias of a layer after `change`, rounded to the type in which it is written.
    func bias(
        of layer: Linear, plus change: [Float]?, _ plan: LayerPlan
    ) throws -> [Float]? {
        guard let change else { return layer.bias }
        var bias = layer.bias ?? [Float](repeating: 0, count: change.count)
        for row in bias.indices { bias[row] += change[row] }
        let type = try biasType(plan.role, block: plan.block)
        bias.withUnsafeMutableBufferPointer {
            round($0.baseAddress!, count: $0.count, to: type)
        }
        return bias
    }
}
