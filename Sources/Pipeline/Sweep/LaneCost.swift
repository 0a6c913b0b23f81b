/// What passes through one block have cost for one lane.
struct LaneCost: Sendable, Hashable {
    var calibration = Cost()
    /// Of the evaluation through the dense block; nil where there is none, or an earlier lane or
    /// sweep has measured it.
    var dense: Cost?
    /// Of the evaluation through the pruned block; nil where there is none.
    var pruned: Cost?

    var flops: Double { calibration.flops + (dense?.flops ?? 0) + (pruned?.flops ?? 0) }
}
