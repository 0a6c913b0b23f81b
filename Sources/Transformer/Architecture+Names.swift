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
        package var layers: [Role: String]
        /// Of a mixture's experts; nil: there are none.
        package var experts: Experts?

        /// A layer of an expert is named by both: `mlp.experts.3.gate_proj`.
        package struct Experts: Sendable {
            /// What comes before the number of an expert.
            package var prefix: String
            /// What comes behind it.
            package var layers: [Role: String]
        }

        /// A layer inside a block; nil where the family has no such layer.
        func layer(_ layer: LayerKey) -> String? {
            guard let expert = layer.expert else { return layers[layer.role] }
            return experts.flatMap { experts in
                experts.layers[layer.role].map { "\(experts.prefix).\(expert).\($0)" }
            }
        }
    }
}
