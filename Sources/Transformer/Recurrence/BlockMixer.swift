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
    /// Over each head's outputs, `[linear_value_head_dim]`.
    let norm: NormWeights
}
