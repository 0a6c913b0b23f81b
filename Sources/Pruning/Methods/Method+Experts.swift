extension Method {
    /// For the layers of experts, which go or stay as a whole.
    package var expertChoice: Choice {
        Choice(
            metric: Metric(name: name, score: .expert), compensation: .none, reason: nil)
    }

    static let reap = Method(
        name: "reap", summary: "experts alone: router weight times norm of the output, on average",
        channels: .none, experts: .reap, judgesWeights: false
    ) { _ in (Metric(name: "reap", score: .expert), .none) }

    static let frequency = Method(
        name: "frequency", summary: "experts alone: how many tokens an expert serves",
        channels: .none, experts: .frequency, judgesWeights: false
    ) { _ in (Metric(name: "frequency", score: .expert), .none) }
}
