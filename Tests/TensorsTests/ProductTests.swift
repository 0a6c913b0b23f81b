import Glibc
import Tensors
import TestSupport
import Testing

/// oneDNN's products against naive ones in double precision.
struct ProductTests {
    struct Shape: Sendable, CustomTestStringConvertible {
        let m, n, k: Int
        var testDescription: String { "\(m) x \(n) x \(k)" }
    }

    static let shapes = [
        Shape(m: 1, n: 1, k: 1), Shape(m: 1, n: 64, k: 16), Shape(m: 3, n: 5, k: 7),
        Shape(m: 64, n: 33, k: 160), Shape(m: 257, n: 40, k: 65), Shape(m: 31, n: 128, k: 64),
    ]

    /// For each element its exact value and the sum of the terms' sizes, which bounds the error.
    private func naive(
        _ a: MatrixView, _ b: MatrixView, transposed: Bool, rounded: Bool = false
    ) -> [(value: Double, size: Double)] {
        func get(_ x: MatrixView, _ i: Int, _ j: Int) -> Double {
            let value = x.row(i)[j]
            return Double(
                rounded ? Float(bitPattern: UInt32(bfloat16Bits(value)) << 16) : value)
        }
        let columns = transposed ? b.rows : b.columns
        return (0..<a.rows).flatMap { i in
            (0..<columns).map { j in
                var value = 0.0
                var size = 0.0
                for l in 0..<a.columns {
                    let term = get(a, i, l) * (transposed ? get(b, j, l) : get(b, l, j))
                    value += term
                    size += abs(term)
                }
                return (value, size)
            }
        }
    }

    @Test(arguments: shapes, [true, false])
    func float32_agreesWithDouble(_ shape: Shape, _ transposed: Bool) {
        var random = Seeded(UInt64(shape.k))
        // Views inside larger matrices, whose other elements must stay.
        let a = random.matrix(shape.m + 2, shape.k + 3)
        let b =
            transposed
            ? random.matrix(shape.n + 1, shape.k + 5) : random.matrix(shape.k + 1, shape.n + 5)
        let c = Matrix(rows: shape.m + 1, columns: shape.n + 2)
        for i in 0..<(c.rows * c.columns) { c.start[i] = .nan }
        let left = a.view.part(rows: 1..<(shape.m + 1), columns: 2..<(shape.k + 2))
        let right =
            transposed
            ? b.view.part(rows: 0..<shape.n, columns: 1..<(shape.k + 1))
            : b.view.part(rows: 0..<shape.k, columns: 1..<(shape.n + 1))
        let target = c.view.part(rows: 0..<shape.m, columns: 1..<(shape.n + 1))
        multiply(left, right, transposed: transposed, into: target, scale: 0.5)
        let exact = naive(left, right, transposed: transposed)
        for (found, exact) in zip(target.all, exact) {
            #expect(abs(Double(found) - 0.5 * exact.value) <= 1e-6 * exact.size + 1e-30)
        }
        for row in 0..<shape.m {
            #expect(c.view.row(row)[0].isNaN && c.view.row(row)[shape.n + 1].isNaN)
        }
        #expect(c.view.values(shape.m).allSatisfy { $0.isNaN })
    }

    /// Rows of a layer that is several in one come out as those of the whole.
    @Test(arguments: ProductInput.supported)
    func parts_areRowsOfTheWhole(_ input: ProductInput) {
        var random = Seeded(5)
        let parts = [[0..<3, 70..<90], [3..<70]]
        let (weights, bias) = (random.matrix(90, 40), random.floats(90))
        let whole = Linear(weights: weights, bias: bias, input: input)
        let split = Linear(weights: weights, bias: bias, input: input, parts: parts)
        let products = Products()
        let x = random.matrix(7, 40)
        func output(_ layer: Linear, _ part: Int, _ rows: Int) -> [Float] {
            let y = Matrix(rows: 7, columns: rows)
            layer.apply(
                products.left(x.view, as: input), part: part, into: y.view, using: products)
            return y.view.all
        }
        let expected = output(whole, 0, 90)
        for (index, ranges) in parts.enumerated() {
            let rows = ranges.flatMap(\.self)
            let found = output(split, index, rows.count)
            for token in 0..<7 {
                for (place, row) in rows.enumerated() {
                    let value = expected[token * 90 + row]
                    #expect(abs(found[token * rows.count + place] - value) < 1e-5)
                }
            }
        }
        #expect(
            Linear.packedBytes(rows: 90, columns: 40, input: .float32, parts: [])
                == PackedWeights.bytes(rows: 90, columns: 40, input: .float32))
        // One part has to be put together before.
        #expect(
            Linear.packedBytes(rows: 90, columns: 40, input: .float32, parts: parts)
                == 4 * 40 * (64 + 128 + 23))
    }

    @Test(arguments: shapes, ProductInput.supported)
    func linear_agreesWithDouble(_ shape: Shape, _ input: ProductInput) {
        var random = Seeded(UInt64(shape.n))
        let layer = Linear(
            weights: random.matrix(shape.n, shape.k), bias: random.floats(shape.n),
            input: input)
        let products = Products()
        // Twice, the second time with fewer rows and other weights, as the sweep does.
        for rows in [shape.m, max(1, shape.m / 2)] {
            let x = random.matrix(rows, shape.k)
            let y = random.matrix(rows, shape.n)
            let before = y.view.all
            let exact = naive(
                x.view, layer.weights.view, transposed: true, rounded: input != .float32)
            for accumulates in [true, false] {
                layer.apply(
                    products.left(x.view, as: input), into: y.view, using: products,
                    accumulates: accumulates)
                for (index, (found, exact)) in zip(y.view.all, exact).enumerated() {
                    let others =
                        Double(layer.bias?[index % shape.n] ?? 0)
                        + (accumulates ? Double(before[index]) : 0)
                    #expect(
                        abs(Double(found) - exact.value - others)
                            <= 1e-6 * (exact.size + abs(others) + 1))
                }
            }
            layer.weights.copy(from: random.matrix(shape.n, shape.k))
            layer.update(bias: random.floats(shape.n))
            layer.pack()
        }
    }

    /// Factors that are not packed, as attention's are.
    @Test(arguments: shapes, ProductInput.supported)
    func plainFactors_agreeWithDouble(_ shape: Shape, _ input: ProductInput) {
        var random = Seeded(UInt64(shape.m))
        let products = Products()
        for transposed in [true, false] {
            let a = random.matrix(shape.m, shape.k)
            let b =
                transposed ? random.matrix(shape.n, shape.k) : random.matrix(shape.k, shape.n)
            let y = Matrix(rows: shape.m, columns: shape.n)
            let exact = naive(
                a.view, b.view, transposed: transposed, rounded: input != .float32)
            let right = FactorBuffer(count: b.rows * b.columns, as: input).store(b.view)
            for times in 1...2 {
                products.multiply(
                    products.left(a.view, as: input), right, transposed: transposed,
                    into: y.view, accumulates: times == 2)
                for (found, exact) in zip(y.view.all, exact) {
                    #expect(
                        abs(Double(found) - Double(times) * exact.value)
                            <= 2e-6 * exact.size + 1e-30)
                }
            }
        }
    }

    /// The rows of a product do not depend on how many there are.
    @Test func packedWeights_serveAnyNumberOfRows() {
        var random = Seeded(5)
        let weights = PackedWeights(random.matrix(70, 96), as: .float32)
        let x = random.matrix(300, 96)
        let products = Products()
        let whole = Matrix(rows: 300, columns: 70)
        products.multiply(Operand(x.view), weights, into: whole.view)
        for rows in [1, 2, 17, 256] {
            let part = Matrix(rows: rows, columns: 70)
            products.multiply(Operand(x.rows(0..<rows)), weights, into: part.view)
            for (found, exact) in zip(part.view.all, whole.view.all) {
                #expect(abs(found - exact) <= 1e-4)
            }
        }
    }

    @Test func linear_withoutBias() {
        let layer = Linear(weights: Matrix([[2, 3], [0, -1]]), bias: nil, input: .float32)
        let y = Matrix(rows: 1, columns: 2)
        let x = Matrix([[10, 1]])
        layer.apply(Operand(x.view), into: y.view, using: Products())
        #expect(y.view.all == [23, -1])
    }

    @Test func scratchMatrix_isZeroAndOutlivesItsDescriptor() throws {
        var template = Array("\(P_tmpdir)/stade-test-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        try #require(descriptor >= 0)
        unlink(template)
        let matrix = try #require(Matrix(rows: 100, columns: 33, scratchFile: descriptor))
        close(descriptor)
        #expect(matrix.view.all.allSatisfy { $0 == 0 })
        matrix.view.row(99)[32] = 7
        #expect(matrix.rows(99..<100).values(0)[32] == 7)
        #expect(Matrix(rows: 1, columns: 1, scratchFile: -1) == nil)
    }
}
