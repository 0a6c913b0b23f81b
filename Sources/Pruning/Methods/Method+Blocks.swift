extension Metric {
    /// Of a layer to which a map is added that takes the place of blocks. Source:
    /// `docs/methods.md`, `blocks`.
    static let map = Metric(name: "map", score: .mapped)
    /// Of a layer that is tuned together with one to which a map was added.
    static let tuned = Metric(name: "tuned", score: .mapped)

    /// Whether it is that of a layer to which a map is added.
    package var isMap: Bool { name == Metric.map.name }
}

extension Method {
    /// The blocks across which the stream turns least, without anything in their place: ShortGPT
    /// (arXiv 2403.03853).
    static let cosine = Method(
        name: "cosine", summary: "pattern blocks: those across which the stream turns least",
        channels: .none, blocks: .cosine
    ) { _ in (.stade, .none) }

    /// Whether it has a meaning where whole blocks go.
    package var removesBlocks: Bool { blocks != .none }

    /// Whether it has one where weights go in any other way.
    package var removesWeights: Bool { blocks != .cosine }

    /// Whether a linear map takes the place of blocks that go.
    package func mapsBlocks(compensation: Compensation?) -> Bool {
        blocks == .mapped && compensation == nil
    }

    /// What is done to a layer beside one to which a map is added, where the block is tuned.
    package static var tunedBesideMap: Choice {
        Choice(metric: .tuned, compensation: .none, reason: nil)
    }

    /// What is done to a layer to which such a map is added.
    package static func map(carriesBias: Bool, because reason: String?) -> Choice {
        Choice(
            metric: .map, compensation: carriesBias ? .mean : .none,
            reason: carriesBias
                ? nil
                : ["no bias can be carried here", reason].compactMap(\.self)
                    .joined(separator: "; "))
    }
}
