extension Architecture {
    /// Tensor names, each without `.weight` and `.bias`.
    package struct Names: Sendable {
        /// What comes before the number of a block.
        package var blocks: String
        package var embedding: String
        package var positions: String?
        package var projectIn: String?
        package var projectOut: String?
        package var embeddingNorm: String?
        package var finalNorm: String
        /// Where there are several, a checkpoint has one of them.
        package var heads = ["lm_head"]
        /// What may stand for the first part of other names, that of `embedding`.
        package var prefixes: [String] = []
        /// Inside a block; nil where what follows reads the sum that runs through the block.
        package var attentionNorm: String?
        package var feedForwardNorm: String?
        /// A parallel block has the first of them alone.
        package var sharesParallelNorm = false
        /// The names of both where a parallel block has two.
        package var parallelNorms: (attention: String, feedForward: String)?
        /// Over what attention and feed-forward add to the sum that runs through the block.
        package var attentionOutputNorm: String?
        package var feedForwardOutputNorm: String?
        /// Of a nonlinearity with weights.
        package var activation: String?
        package var queryNorm: String?
        package var keyNorm: String?
        /// A tensor with a score for each query head, of a key that all positions see and whose
        /// value is 0.
        package var sinks: String?
        /// What a block's output is multiplied by, a tensor of one number.
        package var blockScalar: String?
        package var layers: [Role: String]
    }
}
