import Tensors

/// SplitMix64: the same numbers in every run.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func float(in range: ClosedRange<Float> = -1...1) -> Float {
        Float.random(in: range, using: &self)
    }

    mutating func floats(_ count: Int, in range: ClosedRange<Float> = -1...1) -> [Float] {
        (0..<count).map { _ in float(in: range) }
    }

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
