import Transformer

/// What passes have cost.
struct Cost: Sendable, Hashable {
    var seconds = 0.0
    var flops = 0.0

    static func += (left: inout Cost, right: Cost) {
        left.seconds += right.seconds
        left.flops += right.flops
    }
}

extension Model {
    /// Floating-point operations of sequences of `length` tokens in a block: two for each
    /// multiply-add of the linear layers and of causal attention, or of what stands in its place.
    ///
    /// - Parameter endsBeforeLast: whether what only the output needs is left out
    ///   (`Forward.Destination.first`).
    func flops(
        sequences: Int, _ length: Int, through block: Block, endsBeforeLast: Bool = false
    ) -> Double {
        let mixing = mixingMultiplyAdds(block, length: length)
        // Side by side, the attention's output is of no use then either.
        let last: [Role] = configuration.isParallel ? [.output, .down] : [.down]
        let left = endsBeforeLast ? last : []
        let all = multiplyAdds(block: block.index, in: block.shape)
        let layers = left.reduce(all) { sum, role in
            sum - shape(LayerKey(role), block: block.index, in: block.shape).count
        }
        return 2 * Double(sequences * length) * Double(layers + mixing)
    }
}
