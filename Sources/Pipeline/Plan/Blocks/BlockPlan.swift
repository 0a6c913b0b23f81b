import Transformer

/// Which whole blocks go.
struct BlockPlan: Sendable {
    /// Those that go; where `candidates` are left, one of these, for what is the same for all.
    let cut: BlockCut
    /// Among which a survey is to choose; empty where nothing is left to be chosen.
    let candidates: [BlockCut.Run]
    /// Whether a linear map takes the place of what goes, where it can be merged.
    let isMapped: Bool
    /// Bytes that another candidate may leave more.
    let moreBytes: Int
    /// Of all blocks those that were named; nil where the manifest says a share.
    let share: Double?

    /// The runs before which no map is merged, and why; empty where none was to be.
    func unmapped(_ model: Model) -> [(run: BlockCut.Run, reason: String)] {
        if !isMapped { return [] }
        return cut.runs.compactMap { run in model.mapObstacle(run).map { (run, $0) } }
    }
}

extension Model {
    /// Why no map can take the place of a run; nil where one can.
    func mapObstacle(_ run: BlockCut.Run) -> String? {
        guard let seam = run.seam else { return "there is no block before it" }
        return mergeObstacle(block: seam)
    }
}
