/// A score per weight; the least go.
package struct Metric: Sendable {
    package enum Score: Sendable {
        /// abs(W_ij) times a factor of column j, made from the statistics of the input.
        case perColumn(@Sendable (Statistics) -> [Double])
        /// abs(W_ij) sqrt(var_j + (1 - c) mean_j²), with the share c of the mean's output that
        /// carries over.
        case carried
        /// abs(W_ij).
        case magnitude
        /// A uniform number in [0, 1) drawn for each weight; see `UniformScores`.
        case uniform
        /// No score: what goes is chosen together with what the rest becomes.
        case solved(Solver)
        /// None of its own: rows that go with the columns of another layer.
        case following
        /// None: what takes the place of whole blocks is added to its weights.
        case mapped
        /// None of its own: the layer goes or stays with its expert.
        case expert
    }

    /// As in the report, e.g. `stade`.
    package let name: String
    package let score: Score
    /// What it gives way to where a compensation that needs a bias was to be used and none can be
    /// carried: `wanda` for one that is right only if the mean of what goes is moved into the bias.
    private let substitute: (@Sendable () -> Metric)?

    package init(
        name: String, withoutBias substitute: (@Sendable () -> Metric)? = nil, score: Score
    ) {
        self.name = name
        self.substitute = substitute
        self.score = score
    }

    package var withoutBias: Metric { substitute?() ?? self }

    package var needsStatistics: Bool {
        switch score {
        case .perColumn, .carried, .solved, .expert: true
        case .magnitude, .uniform, .following, .mapped: false
        }
    }

    /// Whether it is that of a layer whose rows go with columns of another one.
    package var isFollowing: Bool {
        if case .following = score { true } else { false }
    }

    /// Whether it is that of an expert that goes or stays as a whole.
    package var isOfExpert: Bool {
        if case .expert = score { true } else { false }
    }

    /// Set where mask and weights come from the covariance of the input.
    package var solver: Solver? {
        if case .solved(let solver) = score { solver } else { nil }
    }
}
