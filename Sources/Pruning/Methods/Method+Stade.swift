extension Metric {
    /// abs(W) sqrt(var). Source: arXiv 2503.22451.
    package static let stade = Metric(
        name: "stade", withoutBias: { .wanda },
        score: .perColumn { statistics in statistics.variance.map { $0.squareRoot() } })

    /// abs(W) sqrt(var + mean²). Source: the published code of arXiv 2503.22451.
    package static let stadeStar = Metric(
        name: "stade-star",
        score: .perColumn { statistics in
            zip(statistics.variance, statistics.mean).map { ($0 + $1 * $1).squareRoot() }
        })
}

extension Metric {
    /// Between `stade` and `stade-star`: abs(W) sqrt(var + (1 - c) mean²), c how much of what the
    /// mean brings carries over to other text. Source: `docs/methods.md`.
    package static let stadeShrunk = Metric(
        name: "stade-shrunk", withoutBias: { .wanda }, score: .carried)
}

extension Method {
    static let stade = Method(
        name: "stade", summary: "magnitude times the standard deviation of the input"
    ) { _ in (.stade, .mean) }

    static let stadeStar = Method(
        name: "stade-star", summary: "magnitude times sqrt(var + mean²) of the input, no bias"
    ) { _ in (.stadeStar, .none) }

    static let stadeW = Method(
        name: "stade-w", summary: "stade where the input is not normalised, wanda elsewhere"
    ) { layer in layer.inputIsNormalised ? (.wanda, .none) : (.stade, .mean) }

    /// Where a bias can absorb the mean, judge by the standard deviation as far as the mean carries
    /// over to other text; elsewhere Wanda's criterion is the optimal one. Both with the scale that
    /// keeps the signal at its size, as far as that carries over.
    package static let auto = Method(
        name: "auto",
        summary:
            "stade with affine where a bias can be carried, else wanda with scale, both shrunk to "
            + "what carries over to other text",
        channels: .eliminated, blocks: .mapped, experts: .loss
    ) { layer in
        layer.carriesBias ? (.stadeShrunk, .affineShrunk) : (.wanda, .scaleShrunk)
    }
}
