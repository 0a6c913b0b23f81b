extension Metric {
    /// Least squares over mask and weights. Source: `docs/methods.md`.
    package static let best = Metric(name: "best", score: .solved(.leastSquares))
}

extension Method {
    static let best = Method(
        name: "best", summary: "least squares over mask and weights: least loss, most time",
        input: .covariance, channels: .eliminated, blocks: .mapped, experts: .loss
    ) { _ in (.best, .affineShrunk) }
}
