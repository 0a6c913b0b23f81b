import Pruning
import Transformer

/// What will be done to one layer.
package struct LayerPlan: Sendable {
    package let name: String
    package let block: Int
    package let role: Role
    /// nil: the layer is left as it is.
    package let choice: Method.Choice?
    package let policy: BiasPlan.Policy

    package init(
        name: String, block: Int, role: Role, choice: Method.Choice?, policy: BiasPlan.Policy
    ) {
        self.name = name
        self.block = block
        self.role = role
        self.choice = choice
        self.policy = policy
    }
}
