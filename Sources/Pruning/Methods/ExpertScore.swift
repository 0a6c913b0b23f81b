/// How a method judges whole experts of a block: the least go. `docs/methods.md` has the formulas.
package enum ExpertScore: String, Sendable, Hashable {
    /// The mean, over the tokens that an expert serves, of the weight of its output times that
    /// output's norm. Source: arXiv 2510.13999.
    case reap
    /// How many tokens it serves.
    case frequency
    /// The squares of its weights times the sums of its inputs' squares, each token counted by the
    /// square of the weight of the expert's output for it.
    case wanda
    /// By lot.
    case random
    /// What the block's output loses without it when its tokens go to the others: one expert after
    /// the other goes.
    case loss

    /// Whether experts have to run on the calibration to be judged.
    package var needsCalibration: Bool { self != .random }
}
