/// What a linear layer does in its block.
package enum Role: String, Sendable, Hashable, CaseIterable, Comparable {
    case query, key, value
    /// Of attention by latents: the latents that keys and values, and queries, are made of.
    case keyValueLatent, queryLatent
    /// What makes them of their latents.
    case keyValueFromLatent, queryFromLatent
    /// The three of them in one.
    case queryKeyValue
    /// The query and what the heads' outputs are weighed by, one head after the other.
    case queryGate
    /// Its second part.
    case outputGate
    /// The delta rule's queries, keys and values, before the convolution.
    case deltaMixed
    /// What its outputs are weighed by.
    case deltaGate
    /// The two of them in one.
    case deltaMixedGate
    /// How much of a value it takes over, and how much of its state it keeps.
    case deltaRate, deltaDecay
    /// The two of them in one.
    case deltaRateDecay
    /// A convolution's gates, before and behind it, and what goes through it, in one.
    case convolutionInput
    /// Its parts.
    case convolutionEntry, convolutionExit, convolutionValue
    /// The attention's output projection.
    case output
    case deltaOutput, convolutionOutput
    /// Of a mixture: chooses the experts of each token.
    case router
    /// Of a mixture: a row whose sigmoid the shared expert's output is multiplied by.
    case sharedGate
    /// The feed-forward's gate; only where it is gated.
    case gate
    case up
    /// The two of them in one.
    case gateUp
    case down

    /// Whose input it reads.
    package var stage: Stage {
        switch self {
        case .query, .key, .value, .queryKeyValue, .queryGate, .outputGate: .attention
        case .deltaMixed, .deltaGate, .deltaMixedGate, .deltaRate, .deltaDecay, .deltaRateDecay:
            .attention
        case .convolutionInput, .convolutionEntry, .convolutionExit, .convolutionValue: .attention
        case .keyValueLatent, .queryLatent: .attention
        case .keyValueFromLatent: .keyValueLatent
        case .queryFromLatent: .queryLatent
        case .output, .deltaOutput, .convolutionOutput: .output
        case .router, .sharedGate, .gate, .up, .gateUp: .feedForward
        case .down: .down
        }
    }

    /// What it computes, in the order of its rows; itself but for a layer that is several in one.
    package var parts: [Role] {
        switch self {
        case .queryKeyValue: [.query, .key, .value]
        case .queryGate: [.query, .outputGate]
        case .deltaMixedGate: [.deltaMixed, .deltaGate]
        case .deltaRateDecay: [.deltaRate, .deltaDecay]
        case .convolutionInput: [.convolutionEntry, .convolutionExit, .convolutionValue]
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
