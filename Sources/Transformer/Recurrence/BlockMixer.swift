import Tensors

/// What lets a block's tokens see each other, with the weights that are no linear layers.
enum BlockMixer: Sendable {
    case attention
    case deltaRule(DeltaWeights)
    case convolution(CausalConvolution)
}

/// What the delta rule has beside its linear layers.
struct DeltaWeights: Sendable {
    let convolution: CausalConvolution
    /// What follows the convolution.
    let activation: Activation
    /// `[value heads]`: how fast the state decays, and what is added to the steps.
    let speeds: [Float]
    let stepBiases: [Float]
}

extension Block {
    /// nil where it has no delta rule.
    var deltaWeights: DeltaWeights? {
        if case .deltaRule(let weights) = mixer { weights } else { nil }
    }
}

extension BlockMixer {
    /// nil where there is none.
    var convolution: CausalConvolution? {
        switch self {
        case .attention: nil
        case .deltaRule(let weights): weights.convolution
        case .convolution(let convolution): convolution
        }
    }
}
