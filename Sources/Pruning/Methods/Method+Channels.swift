extension Metric {
    /// tr(W_G (H⁻¹_GG)⁻¹ W_Gᵀ) of a group of columns G. Source: `docs/methods.md`, `channels`.
    package static func elimination(size: Int) -> Metric {
        Metric(name: "best", score: .solved(.elimination(size: size)))
    }

    /// Of a layer whose rows go with columns that this metric judged.
    package var followed: Metric { Metric(name: name, score: .following) }
}

extension Method {
    /// The method as it is where groups of `size` whole columns go: `auto` and `best` are one, and
    /// what judges single weights judges by their sum.
    package func forChannels(size: Int) -> Method {
        guard name == Method.auto.name || name == Method.best.name else { return self }
        return Method(name: name, summary: summary) { _ in (.elimination(size: size), .mean) }
    }

    /// Whether it has a meaning where whole channels go.
    package var removesChannels: Bool {
        name == Method.auto.name || name == Method.best.name || !isSolved
    }
}

extension Method.Choice {
    /// For a layer whose rows go with the columns of the layer that this is for.
    package var followed: Method.Choice {
        Method.Choice(metric: metric.followed, compensation: .none, reason: nil)
    }
}
