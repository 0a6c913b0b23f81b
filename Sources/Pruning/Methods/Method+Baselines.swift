extension Metric {
    package static let magnitude = Metric(name: "magnitude", score: .magnitude)
    package static let random = Metric(name: "random", score: .uniform)
}

extension Method {
    static let magnitude = Method(
        name: "magnitude", summary: "magnitude alone; needs no calibration", input: .weights
    ) { _ in (.magnitude, .none) }

    static let random = Method(
        name: "random", summary: "by lot, as a lower bound; needs no calibration",
        input: .weights, experts: .random, isDrawn: true
    ) { _ in (.random, .none) }
}
