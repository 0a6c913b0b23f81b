import Checkpoint
import Tensors

extension Model {
    /// The type in which a layer's weights are stored.
    package func weightType(_ layer: LayerKey, block: Int) throws -> ElementType {
        try weightTensor(layer, block: block).type
    }

    /// The type in which a layer's bias is stored; an added one is float32 whatever the weights
    /// are: it costs next to nothing, and rounding it to bfloat16 moved 0.1 % of the masks of later
    /// blocks (SmolLM2-135M). Loaders convert it to the type that they compute in.
    package func biasType(_ layer: LayerKey, block: Int) -> ElementType {
        checkpoint.tensor(named: biasPlace(layer, block: block).name)?.type ?? .float32
    }
}
