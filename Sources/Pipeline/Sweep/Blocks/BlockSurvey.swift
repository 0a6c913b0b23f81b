import Pruning
import Reports
import Tensors
import Transformer

/// A pass of some of the calibration through the dense model, from which it follows what each run
/// of blocks does that might go.
struct BlockSurvey {
    /// Of the maps, in the mean of the diagonal.
    static let ridge = 0.01

    private let sweep: Sweep
    private let outputs: [Plan.Output]
    private let windows: TokenWindows
    /// What it has taken so far.
    private(set) var cost = Cost()

    /// A run, and how it is judged.
    private struct Question: Hashable {
        let run: BlockCut.Run
        let by: Judgement
    }

    enum Judgement: String, Sendable, Hashable {
        case map, error, cosine

        init(_ treatment: Treatment) {
            self =
                treatment.method.blocks == .cosine
                ? .cosine : treatment.blocks?.isMapped == true ? .map : .error
        }
    }

    /// - Parameter sweep: of one of the plan's outputs.
    init(_ plan: Plan, _ sweep: Sweep, _ calibration: TokenWindows) {
        self.sweep = sweep
        outputs = plan.outputs
        windows = Self.windows(plan.model, calibration)
    }

    /// The first of them, with enough tokens to tell maps apart: the streams before and behind
    /// each run are all there at once.
    static func windows(_ model: Model, _ calibration: TokenWindows) -> TokenWindows {
        let wanted = max(8192, 4 * model.configuration.hiddenSize)
        let count = min(calibration.count, max(4, wanted / calibration.length))
        return TokenWindows(
            tokens: Array(calibration.tokens.prefix(count * calibration.length)),
            length: calibration.length)
    }

    /// One window in so many judges maps, which are fitted on the others.
    private static let share = 4

    /// - Returns: for each output what it has found of each candidate.
    mutating func run() throws -> [ReportDocument.Choice] {
        let questions = outputs.map { output in
            (output.treatment.blocks?.candidates ?? []).map {
                Question(run: $0, by: Judgement(output.treatment))
            }
        }
        let all = Set(questions.joined())
        let longest = all.map(\.run.count).max() ?? 0
        let states = try sweep.passes.embedded(windows)
        let streams = try (0...longest).map { _ in
            try sweep.passes.zeros(windows.tokens.count)
        }
        var scores: [Question: Double] = [:]
        for boundary in 0...sweep.model.blocks.upperBound {
            sweep.watch.progress(
                .survey, block: min(boundary, sweep.model.blocks.upperBound - 1), nil)
            if boundary > 0 { cost += try sweep.move(states, through: boundary - 1) }
            let behind = streams[boundary % streams.count]
            try sweep.copy(states, states.matrix, to: behind)
            let ending = all.filter { $0.run.blocks.upperBound == boundary }
            for question in ending.sorted(by: { $0.run.count < $1.run.count }) {
                try sweep.watch.checkStop()
                let before = streams[question.run.first % streams.count]
                scores[question] = try score(question, before, behind)
            }
        }
        return zip(outputs, questions).map { output, questions in
            let by = Judgement(output.treatment)
            return ReportDocument.Choice(
                by: by.rawValue, windows: by == .map ? split.held.count : windows.count,
                candidates: questions.map {
                    ReportDocument.Candidate(
                        first: $0.run.first, count: $0.run.count, score: scores[$0] ?? 0)
                })
        }
    }

    /// How much the stream behind a run differs from what stands for it without the run, as a share
    /// of its size: from the stream before, or from what a map makes of that.
    private func score(
        _ question: Question, _ before: Matrix, _ behind: Matrix
    ) throws -> Double {
        let score: Double
        if question.by == .map, sweep.model.mapObstacle(question.run) == nil {
            score = try mapped(before, behind)
        } else {
            let windows = windows
            let distances = try sweep.pool.sum(
                ofRows: windows.count, by: 1, from: StreamDistances(), add: { $0 += $1 }
            ) { range in
                let rows =
                    (range.lowerBound * windows.length)..<(range.upperBound * windows.length)
                defer {
                    before.release(rows)
                    behind.release(rows)
                }
                return StreamDistances(before.rows(rows), behind.rows(rows))
            }.means
            score = question.by == .cosine ? distances.turn : distances.squaredError
        }
        return score.isFinite ? score : .greatestFiniteMagnitude
    }

    /// On the windows that are held out.
    private func mapped(_ before: Matrix, _ behind: Matrix) throws -> Double {
        let split = split
        let (fitted, _) = try sum(split.fitted, before, behind)
        let known = fitted.finish()
        guard known.isFinite else { return .infinity }
        let map = try known.solve(ridge: Self.ridge, hasBias: true, pool: sweep.pool)
        let (held, weights) = try sum(split.held, before, behind)
        return try held.finish().error(of: map, pool: sweep.pool) * weights.scale
    }

    /// Windows that maps are fitted on, and those that judge them: the same one where there is but
    /// one.
    private var split: (fitted: [Int], held: [Int]) {
        let all = Array(0..<windows.count)
        if all.count == 1 { return (all, all) }
        let share = min(Self.share, all.count)
        return (
            all.filter { $0 % share != share - 1 }, all.filter { $0 % share == share - 1 }
        )
    }

    /// The sums of some windows.
    private func sum(
        _ places: [Int], _ before: Matrix, _ behind: Matrix
    ) throws -> (LinearMapSum, TokenWeights) {
        let (length, width) = (windows.length, before.columns)
        func rows(_ window: Int) -> Range<Int> { (window * length)..<((window + 1) * length) }
        let weights = TokenWeights(places.map { behind.rows(rows($0)) })
        let sum = LinearMapSum(inputs: width, outputs: width)
        let tiles = Tile.count(length: length)
        try sweep.pool.forEach(places.count * tiles) { index in
            let (place, tile) = (index / tiles, index % tiles)
            let start = tile * Tile.size
            let end = min(length, start + Tile.size)
            let first = places[place] * length
            let rows = (first + start)..<(first + end)
            let lack = Matrix(rows: rows.count, columns: width)
            lack.view.copy(from: before.rows(rows))
            turnIntoLack(lack.view, of: behind.rows(rows))
            sum.add(
                before.rows(rows), lack.view,
                tokenWeights: weights.values[(place * length + start)..<(place * length + end)],
                at: index)
            before.release(rows)
            behind.release(rows)
        }
        return (sum, weights)
    }
}
