import Tensors
import TestSupport
import Testing

/// What is taken from a matrix keeps it. Its memory would go back to the system at once otherwise:
/// a matrix of this size has pages of its own.
struct MatrixViewTests {
    private static let (rows, columns) = (600, 700)

    private func matrix() -> Matrix {
        var random = Seeded(41)
        return random.matrix(Self.rows, Self.columns)
    }

    @Test func views_keepTheirMatrix() {
        let expected = matrix()
        weak var matrix: Matrix?
        func temporary() -> Matrix {
            let made = self.matrix()
            matrix = made
            return made
        }
        func check(_ view: MatrixView, from row: Int, _ column: Int) {
            #expect(matrix != nil)
            let part = expected.view.part(
                rows: row..<(row + view.rows), columns: column..<(column + view.columns))
            #expect(view.all == part.all)
        }
        check(temporary().view, from: 0, 0)
        check(temporary().rows(3..<500), from: 3, 0)
        check(temporary().view.part(rows: 1..<9, columns: 2..<600), from: 1, 2)
        check(temporary().view.prefix(2), from: 0, 0)
        #expect(matrix == nil)
    }

    @Test(arguments: ProductInput.supported)
    func operands_keepTheirMemory(_ input: ProductInput) {
        let unit = Matrix(rows: Self.columns, columns: Self.columns)
        for j in 0..<Self.columns { unit.view[j, j] = 1 }
        let right = FactorBuffer(count: Self.columns * Self.columns, as: input).store(unit.view)
        let products = Products()
        func product(_ left: Operand) -> [Float] {
            let y = Matrix(rows: Self.rows, columns: Self.columns)
            products.multiply(left, right, transposed: false, into: y.view)
            return y.view.all
        }
        let count = Self.rows * Self.columns
        let expected = product(products.left(matrix().view, as: input))
        #expect(product(FactorBuffer(count: count, as: input).store(matrix().view)) == expected)
        if input.size == 4 {
            let rounded = Operand(roundingInPlace: matrix().view, as: input)
            #expect(product(rounded) == expected)
        }
        // What was made earlier is still there when more room is needed.
        let early = products.left(matrix().rows(0..<1), as: input)
        _ = products.left(matrix().view, as: input)
        let y = Matrix(rows: 1, columns: Self.columns)
        products.multiply(early, right, transposed: false, into: y.view)
        #expect(y.view.all == Array(expected[..<Self.columns]))
    }

    @Test func elements_areReadAndWritten() {
        let matrix = Matrix(rows: 3, columns: 4)
        let part = matrix.view.part(rows: 1..<3, columns: 1..<4)
        part[1, 2] = 5
        #expect(matrix.view[2, 3] == 5 && part[0, 0] == 0)
        #expect(matrix.view.all.filter { $0 != 0 } == [5])
    }
}
