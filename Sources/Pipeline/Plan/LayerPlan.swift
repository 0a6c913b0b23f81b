import Pruning
import Transformer

/// What will be done to one layer.
package struct LayerPlan: Sendable {
    package let name: String
    package let block: Int
    package let key: LayerKey
    /// nil: the layer is left as it is.
    package let choice: Method.Choice?
    package let policy: BiasPlan.Policy

    package init(
        name: String, block: Int, key: LayerKey, choice: Method.Choice?, policy: BiasPlan.Policy
    ) {
        self.name = name
        self.block = block
        self.key = key
        self.choice = choice
        self.policy = policy
    }
}
