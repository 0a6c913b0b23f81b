import Tensors
import TestSupport

extension Seeded {
    mutating func matrix(
        _ rows: Int, _ columns: Int, in range: ClosedRange<Float> = -1...1
    ) -> Matrix {
        let matrix = Matrix(rows: rows, columns: columns)
        for i in 0..<(rows * columns) { matrix.start[i] = float(in: range) }
        return matrix
    }
}

extension Matrix {
    convenience init(_ rows: [[Float]]) {
        self.init(rows: rows.count, columns: rows.first?.count ?? 0)
        for (index, row) in rows.enumerated() {
            for (column, value) in row.enumerated() { view.row(index)[column] = value }
        }
    }
}

extension MatrixView {
    func values(_ index: Int) -> [Float] { (0..<columns).map { row(index)[$0] } }
    var all: [Float] { (0..<rows).flatMap { values($0) } }
}
