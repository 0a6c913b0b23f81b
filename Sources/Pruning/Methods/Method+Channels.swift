extension Metric {
    /// tr(W_G (H⁻¹_GG)⁻¹ W_Gᵀ) of a group of columns G.
    ///
    /// Source: `docs/methods.md`, `channels`.
    package static func elimination(size: Int) -> Metric {
        Metric(name: "best", score: .solved(.elimination(size: size)))
    }

    /// Of a layer whose rows go with columns that this metric judged.
    package var followed: Metric { Metric(name: name, score: .following) }
}

extension Method {
    /// The method as it is where groups of `size` whole columns go.
    package func forChannels(size: Int) -> Method {
        guard channels == .eliminated else { return self }
        return Method(
            name: name, summary: summary, input: .covariance, channels: channels, blocks: blocks
        ) { _ in (.elimination(size: size), .mean) }
    }

    /// Whether it has a meaning where whole channels go.
    package var removesChannels: Bool { channels != .none }
}

extension Method.Choice {
    /// For a layer whose rows go with the columns of the layer that this is for.
    package var followed: Method.Choice {
        Method.Choice(metric: metric.followed, compensation: .none, reason: nil)
    }
}
