/// One linear layer of a block.
package struct LayerKey: Sendable, Hashable, Comparable {
    package let role: Role
    /// Of a mixture, from 0; nil: no expert's.
    package let expert: Int?

    package init(_ role: Role, expert: Int? = nil) {
        self.role = role
        self.expert = expert
    }

    package var stage: Stage { role.stage }

    /// Layers with the same tap read the same input.
    package var tap: Tap { Tap(role.stage, expert: expert) }

    /// In the order of the forward pass: attention first, then one expert after the other.
    package static func < (left: LayerKey, right: LayerKey) -> Bool {
        if left.role.isInAttention != right.role.isInAttention { return left.role.isInAttention }
        return (left.expert ?? -1, left.role) < (right.expert ?? -1, right.role)
    }
}
