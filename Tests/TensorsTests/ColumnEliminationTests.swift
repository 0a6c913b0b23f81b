import Tensors
import TestSupport
import Testing

struct ColumnEliminationTests {
    private static let damping = 0.01

    /// A layer with inputs that vary together about means of their own; one feature never varies.
    private struct Problem {
        let weights: Matrix
        let sum: SquareMatrix
        let moments: Moments
        let mean: [Double]

        init(rows: Int, columns: Int, seed: UInt64) {
            var random = Seeded(seed)
            weights = random.matrix(rows, columns)
            let x = random.matrix(4 * columns, columns)
            let mix = random.matrix(columns, columns)
            let mixed = Matrix(rows: x.rows, columns: columns)
            multiply(x.view, mix.view, transposed: false, into: mixed.view)
            for row in 0..<mixed.rows {
                for j in 0..<columns { mixed.view.row(row)[j] += Float(j % 5) }
                mixed.view.row(row)[1] = 0
            }
            let sum = CovarianceSum(features: columns)
            sum.add(mixed.view, at: 0)
            var moments = Moments(features: columns)
            moments.add(mixed.view)
            self.moments = moments
            mean = moments.sum.map { $0 / Double(mixed.rows) }
            self.sum = sum.finish(moments)
        }

        /// Damped, as the elimination has it.
        func hessian(isCentred: Bool) -> [[Double]] {
            let n = sum.order
            var h = (0..<n).map { i in
                (0..<n).map { j in
                    sum.row(i)[j]
                        + (isCentred ? 0 : Double(moments.count) * mean[i] * mean[j])
                }
            }
            for j in 0..<n where h[j][j] <= 0 { h[j][j] = 1 }
            let level = damping * (0..<n).reduce(0) { $0 + h[$1][$1] } / Double(n)
            for j in 0..<n { h[j][j] += level }
            return h
        }

        /// The loss of the new weights; those of the feature that does nothing are not weights at
        /// all.
        func loss(_ new: Matrix, _ h: [[Double]]) -> Double {
            (0..<weights.rows).reduce(0) { sum, row in
                let change = h.indices.map { j in
                    j == 1
                        ? 0 : Double(weights.view.row(row)[j]) - Double(new.view.row(row)[j])
                }
                return sum
                    + h.indices.reduce(0) { sum, i in
                        sum
                            + h.indices.reduce(0) { $0 + change[i] * h[i][$1] * change[$1] }
                    }
            }
        }

        func elimination(isCentred: Bool) -> ColumnElimination {
            ColumnElimination(
                weights, sum, tokens: moments.count, mean: isCentred ? nil : mean,
                damping: damping)
        }
    }

    /// What stays solves the least-squares problem: the loss' derivative by each weight that stays
    /// is 0.
    @Test(arguments: [true, false], [1, 4])
    func remove_solvesForWhatStays(_ isCentred: Bool, _ size: Int) throws {
        let problem = Problem(rows: 70, columns: 72, seed: 5)
        let elimination = problem.elimination(isCentred: isCentred)
        let pool = WorkerPool(width: 2)
        let h = problem.hessian(isCentred: isCentred)
        for round in 0..<3 {
            let losses = try elimination.losses(size: size, pool: pool)
            let least = losses.indices.sorted { losses[$0] < losses[$1] }.prefix(3)
            try elimination.remove(
                least.flatMap { ($0 * size)..<(($0 + 1) * size) }.sorted(), pool: pool)
            let new = Matrix(rows: 70, columns: 72)
            elimination.store(into: new)
            #expect(elimination.isLeft.count { !$0 } == 3 * size * (round + 1))
            for row in 0..<70 {
                let change = (0..<72).map {
                    Double(problem.weights.view.row(row)[$0]) - Double(new.view.row(row)[$0])
                }
                for j in 0..<72 where j != 1 {
                    if !elimination.isLeft[j] {
                        #expect(new.view.row(row)[j] == 0)
                        continue
                    }
                    let terms = (0..<72).map { $0 == 1 ? 0 : change[$0] * h[$0][j] }
                    let slope = terms.reduce(0, +)
                    let scale = terms.reduce(0) { $0 + $1.magnitude }
                    #expect(slope.magnitude <= 1e-5 * scale + 1e-6, "row \(row), column \(j)")
                }
            }
        }
    }

    /// What a group is said to cost is what the loss grows by when it goes.
    @Test(arguments: [true, false], [1, 4, 12])
    func losses_areWhatRemovingCosts(_ isCentred: Bool, _ size: Int) throws {
        let problem = Problem(rows: 20, columns: 48, seed: 6)
        let pool = WorkerPool(width: 1)
        let h = problem.hessian(isCentred: isCentred)
        let new = Matrix(rows: 20, columns: 48)
        for group in stride(from: 0, to: 48 / size, by: 3) {
            let elimination = problem.elimination(isCentred: isCentred)
            var before = 0.0
            for other in [group, (group + 1) % (48 / size)] {
                let expected = try elimination.losses(size: size, pool: pool)[other]
                try elimination.remove(
                    Array((other * size)..<((other + 1) * size)), pool: pool)
                elimination.store(into: new)
                let after = problem.loss(new, h)
                #expect(
                    abs(after - before - expected) <= 1e-4 * after + 1e-6,
                    "group \(other): \(after - before), not \(expected)")
                before = after
            }
            let losses = try elimination.losses(size: size, pool: pool)
            #expect(losses[group] == .infinity)
        }
    }

    @Test func results_areTheSameBitsForAnyNumberOfThreads() throws {
        let problem = Problem(rows: 130, columns: 150, seed: 7)
        let results = try [1, 2, 3].map { threads in
            let elimination = problem.elimination(isCentred: true)
            let pool = WorkerPool(width: threads)
            try elimination.remove([0, 3, 149], pool: pool)
            try elimination.remove(Array(60..<90), pool: pool)
            let new = Matrix(rows: 130, columns: 150)
            elimination.store(into: new)
            let losses =
                try elimination.losses(size: 1, pool: pool)
                + elimination.losses(size: 30, pool: pool)
            return losses.map(\.bitPattern)
                + (0..<(130 * 150)).map { UInt64(new.start[$0].bitPattern) }
        }
        #expect(results[0] == results[1] && results[0] == results[2])
    }
}
