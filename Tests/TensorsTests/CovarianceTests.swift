import Tensors
import TestSupport
import Testing

struct CovarianceTests {
    /// Inputs that vary together, and far less than they are large.
    private func input(_ tokens: Int, _ features: Int) -> Matrix {
        var random = Seeded(30)
        let x = random.matrix(tokens, features)
        let means = random.floats(features, in: -1000...1000)
        for row in 0..<tokens {
            let values = x.view.row(row)
            let common = random.float()
            for j in 0..<features { values[j] = means[j] + common + values[j] }
        }
        return x
    }

    private func sum(_ x: Matrix, threads: Int) throws -> SquareMatrix {
        let sum = CovarianceSum(features: x.columns)
        var moments = Moments(features: x.columns)
        moments.add(x.view)
        // Tiles of 1 to 7 rows.
        var tiles: [Range<Int>] = []
        while (tiles.last?.upperBound ?? 0) < x.rows {
            let start = tiles.last?.upperBound ?? 0
            tiles.append(start..<min(x.rows, start + 1 + tiles.count % 7))
        }
        let all = tiles
        try WorkerPool(width: threads).forEach(tiles.count) { index in
            sum.add(x.rows(all[index]), at: index)
        }
        return sum.finish(moments)
    }

    /// More features than a strip has rows.
    @Test func sums_areDirectAndTheSameBitsForAnyThreads() throws {
        let (tokens, features) = (90, 300)
        let x = input(tokens, features)
        let found = try sum(x, threads: 1)
        let columns = (0..<features).map { j in
            (0..<tokens).map { Double(x.view.row($0)[j]) }
        }
        let centred = columns.map { column in
            let mean = column.reduce(0, +) / Double(tokens)
            return column.map { $0 - mean }
        }
        for i in 0..<features {
            for j in 0..<features {
                let exact = zip(centred[i], centred[j]).reduce(0) { $0 + $1.0 * $1.1 }
                #expect(abs(found.row(i)[j] - exact) < 1e-4)
            }
        }
        for threads in [2, 3, 7] {
            let other = try sum(x, threads: threads)
            let isSame = (0..<(features * features)).allSatisfy {
                other.start[$0].bitPattern == found.start[$0].bitPattern
            }
            #expect(isSame)
        }
    }

    @Test(arguments: [false, true])
    func factor_isOfTheInverse(_ ofSecondMoment: Bool) {
        var random = Seeded(31)
        let x = random.matrix(40, 12)
        for row in 0..<40 { x.view.row(row)[5] = 0 }
        var moments = Moments(features: 12)
        moments.add(x.view)
        let sums = CovarianceSum(features: 12)
        sums.add(x.view, at: 0)
        let products = sums.finish(moments)
        let mean = moments.sum.map { $0 / 40 }
        let factor = InverseFactor(
            of: products, tokens: 40, mean: ofSecondMoment ? mean : nil, damping: 0.01)
        #expect(factor.damping == 0.01)
        #expect(factor.isDead == (0..<12).map { $0 == 5 })
        var h = (0..<12).map { i in
            (0..<12).map { j in
                products.row(i)[j] + (ofSecondMoment ? 40 * mean[i] * mean[j] : 0)
            }
        }
        h[5][5] = 1
        let level = 0.01 * (0..<12).reduce(0) { $0 + h[$1][$1] } / 12
        for j in 0..<12 { h[j][j] += level }
        // U H Uᵀ = I.
        for i in 0..<12 {
            for j in 0..<12 {
                var value = 0.0
                for k in i..<12 {
                    for l in j..<12 {
                        value += factor.upper.row(i)[k] * h[k][l] * factor.upper.row(j)[l]
                    }
                }
                #expect(abs(value - (i == j ? 1 : 0)) < 1e-9)
            }
        }
    }

    /// No covariance looks like this but for rounding: it needs 400 % to be definite.
    @Test func factor_isRetriedWithMoreDamping() {
        let products = SquareMatrix(order: 2)
        for (index, value) in [1.0, 5, 5, 1].enumerated() { products.start[index] = value }
        let factor = InverseFactor(of: products, tokens: 3, mean: nil, damping: 0.01)
        #expect(abs(factor.damping - 10) < 1e-12)
    }

    /// The second fills its pages to the last byte.
    @Test(arguments: [3, 512])
    func matrix_mayBeReadPastItsEnd(_ order: Int) {
        let matrix = Matrix(rows: order, columns: order)
        let count = Matrix.slack / MemoryLayout<Float>.size
        let sum = (0..<count).reduce(0) { $0 + Int(matrix.start[order * order + $1] == 0 ? 1 : 0) }
        #expect(count == 16 && sum <= count)
    }

    @Test func quadraticForms_areDirect() throws {
        var random = Seeded(32)
        let rows = random.matrix(70, 270)
        let matrix = SquareMatrix(order: 270)
        for i in 0..<270 {
            for j in 0...i {
                let value = Double(random.float())
                matrix.row(i)[j] = value
                matrix.row(j)[i] = value
            }
        }
        let forms = try quadraticForms(rows, matrix, pool: WorkerPool(width: 2))
        #expect(try quadraticForms(rows, matrix, pool: WorkerPool(width: 3)) == forms)
        for row in [0, 63, 64, 69] {
            let w = rows.view.values(row).map { Double($0) }
            var exact = 0.0
            for i in 0..<270 {
                for j in 0..<270 { exact += w[i] * matrix.row(i)[j] * w[j] }
            }
            #expect(abs(forms[row] - exact) < 1e-3)
        }
    }
}
