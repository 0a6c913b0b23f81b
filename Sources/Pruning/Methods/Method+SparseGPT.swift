extension Metric {
    /// w² / diag(U)² by optimal brain surgeon, on the second moment of the input. Source: arXiv
    /// 2301.00774.
    package static let sparseGPT = Metric(
        name: "sparsegpt", score: .solved(.brainSurgeon(isCentred: false, updates: true)))

    package static let sparseGPTMask = Metric(
        name: "sparsegpt-mask", score: .solved(.brainSurgeon(isCentred: false, updates: false)))

    /// The same on the covariance, which is right where the bias takes up the mean.
    package static let stadeOBS = Metric(
        name: "stade-obs", withoutBias: { .sparseGPT },
        score: .solved(.brainSurgeon(isCentred: true, updates: true)))
}

extension Method {
    static let sparseGPT = Method(
        name: "sparsegpt", summary: "optimal brain surgeon on the second moment of the input",
        input: .covariance, channels: .none
    ) { _ in (.sparseGPT, .none) }

    static let sparseGPTMask = Method(
        name: "sparsegpt-mask", summary: "what sparsegpt prunes; the rest of the weights stay",
        input: .covariance, channels: .none
    ) { _ in (.sparseGPTMask, .none) }

    static let stadeOBS = Method(
        name: "stade-obs", summary: "sparsegpt on the covariance of the input",
        input: .covariance, channels: .none
    ) { _ in (.stadeOBS, .mean) }
}
