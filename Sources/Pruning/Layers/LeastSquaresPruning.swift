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

    /// Rows that are solved together, by one thread.
    private static let chunk = LayerPruning.chunk

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
            * (LeastSquaresRows.bytes(features: columns, rows: chunk)
                + chunk * columns * (3 * 4 + 3) + 64 * columns)
    }

    /// Prunes `weights`, `[rows, columns]`, in place.
    /// - Returns: 1 where a weight went.
    func apply(to weights: Matrix, pool: WorkerPool) throws -> [UInt8] {
        let (rows, columns) = (weights.rows, weights.columns)
        var mask = [UInt8](repeating: 0, count: rows * columns)
        // What loses nothing stays as it is, to the last bit.
        if pattern == .unstructured, LayerPruning.budget(columns, sparsity) == 0 { return mask }
        try mask.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return }
            nonisolated(unsafe) let mask = start
            try pool.forEach(
                (rows + Self.chunk - 1) / Self.chunk,
                state: { LeastSquaresScratch(problem, rows: Self.chunk, columns: columns) }
            ) { index, scratch in
                let range = (index * Self.chunk)..<min(rows, (index + 1) * Self.chunk)
                solve(weights.rows(range), mask: mask + range.lowerBound * columns, scratch)
            }
        }
        return mask
    }

    private func solve(
        _ weights: MatrixView, mask: UnsafeMutablePointer<UInt8>, _ scratch: LeastSquaresScratch
    ) {
        let columns = weights.columns
        let rows = scratch.rows
        rows.start(weights)
        startMask(weights, mask: mask, scratch)
        rows.masked(mask, into: scratch.first)
        rows.solve(scratch.first, mask: mask, steps: Self.startingSteps)
        let firstErrors = rows.errors(of: scratch.first)
        scratch.second.copy(from: scratch.first)
        rows.alternate(
            scratch.second, mask: scratch.mask, decomposition: decomposition,
            penalty: Self.penalty, growth: Self.growth, steps: Self.steps
        ) { markLeast(of: $0, by: scratch.ones, mask: $1, scratch) }
        rows.solve(scratch.second, mask: scratch.mask, steps: Self.solverSteps)
        let secondErrors = rows.errors(of: scratch.second)
        for row in 0..<weights.rows {
            let isBetter = secondErrors[row] < firstErrors[row]
            if isBetter {
                (mask + row * columns).update(
                    from: scratch.mask + row * columns, count: columns)
            }
            rows.store(
                isBetter ? scratch.second : scratch.first, row: row, into: weights.row(row))
        }
    }

    /// Of each row the mask of `wanda` or `stade`, whichever leaves the smaller error.
    private func startMask(
        _ weights: MatrixView, mask: UnsafeMutablePointer<UInt8>, _ scratch: LeastSquaresScratch
    ) {
        let columns = weights.columns
        func errors(_ factors: ColumnFactors, _ mask: UnsafeMutablePointer<UInt8>) -> [Double] {
            for row in 0..<weights.rows {
                markLeast(
                    of: weights.row(row), by: factors, mask: mask + row * columns, scratch)
            }
            scratch.rows.masked(mask, into: scratch.first)
            return scratch.rows.errors(of: scratch.first)
        }
        let wandaErrors = errors(wanda, mask)
        let stadeErrors = errors(stade, scratch.mask)
        for row in 0..<weights.rows where stadeErrors[row] < wandaErrors[row] {
            (mask + row * columns).update(from: scratch.mask + row * columns, count: columns)
        }
    }

    private func markLeast(
        of row: UnsafePointer<Float>, by factors: ColumnFactors,
        mask: UnsafeMutablePointer<UInt8>, _ scratch: LeastSquaresScratch
    ) {
        let columns = factors.exact.count
        switch pattern {
        case .channels: preconditionFailure("whole columns are ChannelPruning's")
        case .unstructured:
            scratch.selection.markLeast(
                LayerPruning.budget(columns, sparsity), of: row, by: factors, mask: mask)
        case .groups(let keep, let group):
            factors.exact.withUnsafeBufferPointer {
                score(row, by: $0.baseAddress!, count: columns, into: scratch.scores)
            }
            Tensors.markLeast(
                keep: keep, ofEvery: group, of: scratch.scores, count: columns,
                scratch: scratch.search, mask: mask)
        }
    }
}

/// One thread's buffers.
private final class LeastSquaresScratch {
    let rows: LeastSquaresRows
    let first: Matrix
    let second: Matrix
    let mask: UnsafeMutablePointer<UInt8>
    let selection: RowSelection
    let scores: UnsafeMutablePointer<Double>
    let search: UnsafeMutablePointer<Double>
    let ones: ColumnFactors

    init(_ problem: ScaledCovariance, rows: Int, columns: Int) {
        self.rows = LeastSquaresRows(problem, rows: rows)
        first = Matrix(rows: rows, columns: columns)
        second = Matrix(rows: rows, columns: columns)
        mask = .allocate(capacity: rows * columns)
        selection = RowSelection(columns: columns)
        scores = .allocate(capacity: columns)
        search = .allocate(capacity: columns)
        ones = ColumnFactors([Double](repeating: 1, count: columns))
    }

    deinit {
        mask.deallocate()
        scores.deallocate()
        search.deallocate()
    }
}
