/// A score per weight; the least go.
package struct Metric: Sendable {
    package enum Score: Sendable {
        /// abs(W_ij) times a factor of column j, made from the statistics of the input.
        case perColumn(@Sendable (Statistics) -> [Double])
        /// abs(W_ij).
        case magnitude
        /// A uniform number in [0, 1) drawn for each weight; see `UniformScores`.
        case uniform
    }

    /// As in the report, e.g. `stade`.
    package let name: String
    package let score: Score
    /// Whether it is right only if the mean of what goes is moved into the bias: then it gives way to
    /// `wanda` where a compensation that needs a bias was to be used and none can be carried.
    package let assumesBias: Bool

    package init(name: String, assumesBias: Bool = false, score: Score) {
        self.name = name
        self.assumesBias = assumesBias
        self.score = score
    }

    package var needsStatistics: Bool {
        if case .perColumn = score { true } else { false }
    }
}
