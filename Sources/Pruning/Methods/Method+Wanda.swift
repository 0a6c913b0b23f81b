extension Metric {
    /// abs(W) sqrt(norm2). Source: arXiv 2306.11695.
    package static let wanda = Metric(
        name: "wanda",
        score: .perColumn { statistics in statistics.norm2.map { $0.squareRoot() } })
}

extension Method {
    package static let wanda = Method(
        name: "wanda", summary: "magnitude times the norm of the input", experts: .wanda
    ) { _ in (.wanda, .none) }
}
