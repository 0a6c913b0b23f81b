/// What lets a block's tokens see those before them.
package enum TokenMixer: Sendable, Hashable {
    case attention
    /// The gated delta rule, behind a short convolution: a state that goes along the sequence.
    case deltaRule
    /// A short convolution between two gates.
    case convolution
}

extension Role {
    /// The kind of block that has such a layer; nil: it mixes no tokens.
    package var mixer: TokenMixer? {
        switch self {
        case .deltaMixed, .deltaGate, .deltaMixedGate, .deltaRate, .deltaDecay, .deltaRateDecay,
            .deltaOutput:
            .deltaRule
        case .convolutionInput, .convolutionEntry, .convolutionExit, .convolutionValue,
            .convolutionOutput:
            .convolution
        default: isInAttention ? .attention : nil
        }
    }
}

extension TokenMixer {
    /// The layer that writes to the sum that runs through the block.
    var output: Role {
        switch self {
        case .attention: .output
        case .deltaRule: .deltaOutput
        case .convolution: .convolutionOutput
        }
    }
}
