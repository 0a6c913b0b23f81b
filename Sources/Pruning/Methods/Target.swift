/// Towards what a layer's output a method that solves for weights goes.
package enum Target: String, Sendable, Hashable, CaseIterable {
    /// `own`.
    case auto
    /// What the layer makes of its own input.
    case own
    /// What the dense model's makes of the dense stream.
    case dense
}
