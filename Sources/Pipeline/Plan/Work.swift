import Tensors
import Transformer

extension Plan {
    /// The job's work in tokens through a block, for progress: two passes of the calibration for
    /// each output, or one for all, one for a survey, and one of the evaluation for each model.
    var expectedWork: Int {
        let passes = manifest.prune.sequential ? 2 * outputs.count : 1
        let calibration = (calibration?.tokens.count ?? 0) * passes
        let evaluation = (evaluation?.tokens ?? 0) * (outputs.count + 1)
        return blocks * (calibration + evaluation) + Survey.work(self)
    }
}

extension Model {
    /// Floating-point operations of a tile of a sequence of `length` tokens in a block: two for
    /// each multiply-add of the linear layers and of causal attention, as if each of the sequence's
    /// tokens took as many.
    ///
    /// - Parameter endsBeforeLast: whether what only the output needs is left out
    ///   (`Forward.Destination.first`).
    func flops(
        _ tile: Tile, _ length: Int, through block: Block, endsBeforeLast: Bool = false
    ) -> Double {
        let attention = block.shape.keyValueHeads * configuration.groupSize * (length + 1)
        // Side by side, the attention's output is of no use then either.
        let last: [Role] = configuration.isParallel ? [.output, .down] : [.down]
        let left = endsBeforeLast ? last : []
        let all = multiplyAdds(block: block.index, in: block.shape)
        let layers = left.reduce(all) { sum, role in
            sum - shape(LayerKey(role), block: block.index, in: block.shape).count
        }
        return 2 * Double(tile.rows.count) * Double(layers + attention)
    }
}
