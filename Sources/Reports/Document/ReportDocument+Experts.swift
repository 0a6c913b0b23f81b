import Documents

/// Which experts went.
extension ReportDocument {
    package struct Experts: ReportPart, Hashable {
        /// Of each block.
        package private(set) var dense = 0
        package private(set) var pruned = 0
        /// That serve a token.
        package private(set) var perToken = 0
        package private(set) var blocks: [ExpertBlock] = []

        package init() {}

        package init(dense: Int, pruned: Int, perToken: Int, blocks: [ExpertBlock]) {
            self.dense = dense
            self.pruned = pruned
            self.perToken = perToken
            self.blocks = blocks
        }

        package mutating func code(_ coder: inout NodeCoder) {
            coder.required("dense", &dense)
            coder.required("pruned", &pruned)
            coder.member("per_token", &perToken)
            coder.member("blocks", &blocks)
        }
    }

    /// The experts of one block, in their order.
    package struct ExpertBlock: ReportPart, Hashable {
        package private(set) var index = 0
        /// The score that judged them.
        package private(set) var score = ""
        /// The numbers of those that went, ascending.
        package private(set) var gone: [Int] = []
        /// How many of the calibration's tokens each serves in the dense block.
        package private(set) var tokens: [Int] = []
        /// The same as a share of all tokens.
        package private(set) var shares: [Double] = []
        /// Of each expert; empty where they were drawn by lot.
        package private(set) var scores: [Double] = []

        package init() {}

        package init(
            index: Int, score: String, gone: [Int], tokens: [Int], of all: Int, scores: [Double]
        ) {
            self.index = index
            self.score = score
            self.gone = gone
            self.tokens = tokens
            shares = all > 0 ? tokens.map { Double($0) / Double(all) } : []
            self.scores = scores
        }

        package mutating func code(_ coder: inout NodeCoder) {
            coder.required("index", &index)
            coder.member("score", &score)
            coder.member("gone", &gone)
            coder.rare("tokens", &tokens)
            coder.rare("shares", &shares)
            coder.rare("scores", &scores)
        }

        /// The share of all experts' scores that those have that went; nil where scores are no
        /// parts of a whole, or were not taken.
        package var scoreGone: Double? {
            let sum = scores.reduce(0, +)
            guard sum > 0, gone.allSatisfy(scores.indices.contains) else { return nil }
            return gone.reduce(0) { $0 + scores[$1] } / sum
        }
    }
}
