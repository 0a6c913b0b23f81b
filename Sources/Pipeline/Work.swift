import Tensors
import Transformer

extension Plan {
    /// The job's work in tokens through a block, for progress: two passes for calibration, one for
    /// each perplexity.
    var expectedWork: Int {
        let calibration = (calibration?.tokens.count ?? 0) * (manifest.prune.sequential ? 2 : 1)
        let evaluation = evaluation?.tokens.count ?? 0
        return layers.count * (outputs.count * (calibration + evaluation) + evaluation)
    }
}

extension Model {
    /// Floating-point operations of `tokens` tokens, in sequences of `length`, through one block: two
    /// for each multiply-add of the linear layers and of causal attention.
    func flops(tokens: Int, length: Int) -> Double {
        let attention = configuration.numAttentionHeads * configuration.headDim * (length + 1)
        return 2 * Double(tokens) * Double(blockMultiplyAdds + attention)
    }
}
