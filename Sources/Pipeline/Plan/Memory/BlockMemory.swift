import Tensors
import Transformer

/// What choosing blocks, and putting maps in their place, takes.
struct BlockMemory {
    /// Hidden states of a survey, in bytes.
    let surveyed: Int
    /// Hidden states beside the sweep's own, in bytes.
    let states: Int
    private let solved: [(inputs: Int, outputs: Int)]

    /// nil where no whole blocks go.
    init?(_ model: Model, _ treatments: [Treatment], _ calibration: TokenWindows?) {
        let plans = treatments.compactMap(\.blocks)
        if plans.isEmpty { return nil }
        let state =
            4 * (model.configuration.hiddenSize + model.configuration.kept.width)
        let longest = plans.flatMap(\.candidates).map(\.count).max()
        surveyed =
            calibration.flatMap { calibration in
                longest.map {
                    ($0 + 3) * BlockSurvey.windows(model, calibration).tokens.count * state
                }
            } ?? 0
        let isMapped = plans.contains(where: \.isMapped)
        // The dense stream, and what a block lacks.
        states = isMapped ? 2 * (calibration?.tokens.count ?? 0) * state : 0
        guard isMapped else {
            solved = []
            return
        }
        let hidden = model.configuration.hiddenSize
        solved =
            (longest == nil ? [] : [(hidden, hidden)])
            + model.blocks.filter { model.mergeObstacle(block: $0) == nil }.map {
                (model.shape(LayerKey(.down), block: $0).columns, hidden)
            }
    }

    /// While a map is solved, in bytes.
    func bytes(threads: Int) -> Int {
        solved.map {
            LinearMapSum.bytes(
                inputs: $0.inputs, outputs: $0.outputs, rows: Tile.size, threads: threads)
        }.max() ?? 0
    }

    var isSolved: Bool { !solved.isEmpty }
}
