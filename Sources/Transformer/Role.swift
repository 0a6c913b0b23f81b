/// What a linear layer does in its block.
package enum Role: String, Sendable, Hashable, CaseIterable, Comparable {
    case query, key, value
    /// The three of them in one.
    case queryKeyValue
    /// The attention's output projection.
    case output
    /// The feed-forward's gate; only where it is gated.
    case gate
    case up
    /// The two of them in one.
    case gateUp
    case down

    /// Whose input it reads.
    package var stage: Stage {
        switch self {
        case .query, .key, .value, .queryKeyValue: .attention
        case .output: .output
        case .gate, .up, .gateUp: .feedForward
        case .down: .down
        }
    }

    /// What it computes, in the order of its rows; itself but for a layer that is several in one.
    package var parts: [Role] {
        switch self {
        case .queryKeyValue: [.query, .key, .value]
        case .gateUp: [.gate, .up]
        default: [self]
        }
    }

    /// In the order of the forward pass.
    package static func < (left: Role, right: Role) -> Bool { left.place < right.place }

    private var place: Int { Role.allCases.firstIndex(of: self) ?? 0 }
}

extension Role {
    package var isInAttention: Bool { stage.isInAttention }
}
