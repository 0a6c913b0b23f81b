import Tensors

/// Prunes a layer by least squares, row by row: the better of the masks of `wanda` and `stade`, its
/// remaining weights solved for; then mask and weights together by ADMM from there, solved for
/// again. Of the two the better stays.
///
/// Source: `docs/methods.md`, `best`.
struct LeastSquaresPruning: Sendable {
    private let wanda: ColumnFactors
    private let stade: ColumnFactors
    private let problem: ScaledCovariance
    private let decomposition: (values: [Float], vectors: Matrix)
    private let pattern: Pattern
    private let sparsity: Double

    /// Of conjugate gradients, before ADMM and after it, and of ADMM with its penalty.
    private static let startingSteps = 10
    private static let solverSteps = 40
    private static let steps = 60
    private static let penalty: Float = 0.1
    private static let growth: Float = 1.1

    /// - Parameter isCentred: whether the bias takes up the mean.
    init(
        _ statistics: Statistics, _ covariance: InputCovariance, isCentred: Bool, pattern: Pattern,
        sparsity: Double, pool: WorkerPool
    ) throws {
        wanda = ColumnFactors(statistics.norm2.map { $0.squareRoot() })
        stade = ColumnFactors(statistics.variance.map { $0.squareRoot() })
        let (problem, values, vectors) = try covariance.problem(isCentred: isCentred, pool: pool)
        self.problem = problem
        decomposition = (values, vectors)
        self.pattern = pattern
        self.sparsity = sparsity
    }

    static func bytes(columns: Int, threads: Int) -> Int {
        threads
            * (LeastSquaresRows.bytes(features: columns, rows: WorkerPool.chunk)
                + WorkerPool.chunk * columns * (3 * 4 + 3) + 64 * columns)
    }

    /// Prunes `weights`, `[rows, columns]`, in place.
    /// - Returns: 1 where a weight went.
    func apply(to weights: Matrix, pool: WorkerPool) throws -> [UInt8] {
        let (rows, columns) = (weights.rows, weights.columns)
        var mask = [UInt8](repeating: 0, count: rows * columns)
        // What loses nothing stays as it is, to the last bit.
        if pattern == .unstructured, LayerPruning.budget(columns, sparsity) == 0 { return mask }
        try pool.forEachChunk(
            ofRows: rows, writing: &mask,
            state: { LeastSquaresScratch(problem, rows: WorkerPool.chunk, columns: columns) }
        ) { range, mask, scratch in
            scratch.mask.withElements {
                solve(weights.rows(range), mask: &mask, other: &$0, scratch)
            }
        }
        return mask
    }

    /// mask: `[rows, columns]`; other: room for as much.
    private func solve(
        _ weights: MatrixView, mask: inout MutableSpan<UInt8>, other: inout MutableSpan<UInt8>,
        _ scratch: LeastSquaresScratch
    ) {
        let rows = scratch.rows
        rows.start(weights)
        startMask(weights, mask: &mask, other: &other, scratch)
        rows.masked(mask.span, into: scratch.first)
        rows.solve(scratch.first, mask: mask.span, steps: Self.startingSteps)
        let firstErrors = rows.errors(of: scratch.first)
        scratch.second.copy(from: scratch.first)
        rows.alternate(
            scratch.second, mask: &other, decomposition: decomposition,
            penalty: Self.penalty, growth: Self.growth, steps: Self.steps
        ) { markLeast(of: $0, row: $1, by: scratch.ones, mask: &$2, scratch) }
        rows.solve(scratch.second, mask: other.span, steps: Self.solverSteps)
        let secondErrors = rows.errors(of: scratch.second)
        for row in 0..<weights.rows {
            let isBetter = secondErrors[row] < firstErrors[row]
            if isBetter { copyRow(row, of: other.span, to: &mask, columns: weights.columns) }
            rows.store(
                isBetter ? scratch.second : scratch.first, row: row, into: weights)
        }
    }

    /// Of each row the mask of `wanda` or `stade`, whichever leaves the smaller error.
    private func startMask(
        _ weights: MatrixView, mask: inout MutableSpan<UInt8>, other: inout MutableSpan<UInt8>,
        _ scratch: LeastSquaresScratch
    ) {
        let wandaErrors = mark(&mask, of: weights, by: wanda, scratch)
        let stadeErrors = mark(&other, of: weights, by: stade, scratch)
        for row in 0..<weights.rows where stadeErrors[row] < wandaErrors[row] {
            copyRow(row, of: other.span, to: &mask, columns: weights.columns)
        }
    }

    /// Makes the mask of each row by `factors`.
    /// - Returns: what each leaves as an error.
    private func mark(
        _ mask: inout MutableSpan<UInt8>, of weights: MatrixView, by factors: ColumnFactors,
        _ scratch: LeastSquaresScratch
    ) -> [Double] {
        for row in 0..<weights.rows {
            markLeast(of: weights, row: row, by: factors, mask: &mask, scratch)
        }
        scratch.rows.masked(mask.span, into: scratch.first)
        return scratch.rows.errors(of: scratch.first)
    }

    private func markLeast(
        of weights: MatrixView, row: Int, by factors: ColumnFactors,
        mask: inout MutableSpan<UInt8>, _ scratch: LeastSquaresScratch
    ) {
        switch pattern {
        case .channels, .blocks, .experts: preconditionFailure("nothing for single weights")
        case .unstructured:
            scratch.selection.markLeast(
                LayerPruning.budget(weights.columns, sparsity), of: weights, row: row,
                by: factors, mask: &mask, at: row)
        case .groups(let keep, let group):
            score(weights, row: row, by: factors.exact, into: scratch.selection.scores)
            scratch.selection.markLeast(keep: keep, ofEvery: group, mask: &mask, at: row)
        }
    }
}

/// One thread's buffers.
private final class LeastSquaresScratch {
    let rows: LeastSquaresRows
    let first: Matrix
    let second: Matrix
    let mask: Buffer<UInt8>
    let selection: RowSelection
    let ones: ColumnFactors

    init(_ problem: ScaledCovariance, rows: Int, columns: Int) {
        self.rows = LeastSquaresRows(problem, rows: rows)
        first = Matrix(rows: rows, columns: columns)
        second = Matrix(rows: rows, columns: columns)
        mask = Buffer(count: rows * columns)
        selection = RowSelection(columns: columns)
        ones = ColumnFactors([Double](repeating: 1, count: columns))
    }
}
