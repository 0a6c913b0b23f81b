import Pipeline
import Tensors

/// Uniform in [-scale, scale), the same for the same seed.
func randomMatrix(_ rows: Int, _ columns: Int, seed: Int, scale: Float = 1) -> Matrix {
    let matrix = Matrix(rows: rows, columns: columns)
    var generator = SplitMix64(seed: UInt64(seed))
    let unit = scale / Float(1 << 15)
    // Each number of the generator makes four.
    var bits: UInt64 = 0
    for i in 0..<(rows * columns) {
        bits = i % 4 == 0 ? generator.next() : bits >> 16
        matrix.start[i] = Float(Int16(truncatingIfNeeded: bits)) * unit
    }
    return matrix
}
