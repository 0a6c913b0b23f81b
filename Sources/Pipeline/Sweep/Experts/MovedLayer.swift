import Tensors
import Transformer

/// A layer as a block is to have it, in its own place or in another's.
package struct MovedLayer: Sendable {
    let block: Int
    /// In the dense model.
    let key: LayerKey
    /// In the output.
    let place: LayerKey
    /// Rounded to the type in which it is written.
    let layer: Linear
}
