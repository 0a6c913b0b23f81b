/// What a linear layer does in its block.
package enum Role: String, Sendable, Hashable, CaseIterable, Comparable {
    case query, key, value
    /// The attention's output projection.
    case output
    /// The feed-forward's gate; only where it is gated.
    case gate
    case up, down

    /// Where its input is taken; roles with the same tap read the same input.
    package var tap: Tap {
        switch self {
        case .query, .key, .value: .attention
        case .output: .output
        case .gate, .up: .feedForward
        case .down: .down
        }
    }

    /// In the order of the forward pass.
    package static func < (left: Role, right: Role) -> Bool { left.place < right.place }

    private var place: Int { Role.allCases.firstIndex(of: self) ?? 0 }
}

extension Role {
    package var isInAttention: Bool { Architecture.attentionRoles.contains(self) }
}
