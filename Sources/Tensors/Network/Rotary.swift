import Glibc

/// Rotary position embedding: the cosines and sines of every position and frequency.
///
/// Source: arXiv 2104.09864; `apply_rotary_pos_emb` in transformers, which pairs element i of a
/// head with element i + d/2.
package struct RotaryTable: Sendable {
    /// Both `[positions, frequencies]`.
    private let cosines: [Float]
    private let sines: [Float]
    package let positions: Int
    package let frequencies: Int

    /// `inverseFrequencies`: radians per position, in float32 as transformers computes them;
    /// `factor`: of all that is rotated.
    package init(positions: Int, inverseFrequencies: [Float], factor: Float = 1) {
        self.positions = positions
        frequencies = inverseFrequencies.count
        var cosines: [Float] = []
        var sines: [Float] = []
        cosines.reserveCapacity(positions * frequencies)
        sines.reserveCapacity(positions * frequencies)
        for position in 0..<positions {
            for frequency in inverseFrequencies {
                // The product is rounded to float32 first, as in the reference.
                let angle = Double(Float(position) * frequency)
                cosines.append(Float(cos(angle)) * factor)
                sines.append(Float(sin(angle)) * factor)
            }
        }
        self.cosines = cosines
        self.sines = sines
    }

    /// Rotates the first 2 x `frequencies` elements of every head of every row, in place; row r is
    /// position `first` + r. x: `[positions, heads * headDimension]`.
    package func apply(_ x: MatrixView, headDimension: Int, from first: Int = 0) {
        let half = frequencies
        precondition(2 * half <= headDimension && x.columns % headDimension == 0)
        precondition(first + x.rows <= positions, "more rows than positions")
        cosines.withUnsafeBufferPointer { cosines in
            sines.withUnsafeBufferPointer { sines in
                for index in 0..<x.rows {
                    let c = cosines.baseAddress! + (first + index) * half
                    let s = sines.baseAddress! + (first + index) * half
                    for head in stride(from: 0, to: x.columns, by: headDimension) {
                        let low = x.row(index) + head
                        let high = low + half
                        for i in 0..<half {
                            let a = low[i]
                            let b = high[i]
                            low[i] = a * c[i] - b * s[i]
                            high[i] = b * c[i] + a * s[i]
                        }
                    }
                }
            }
        }
    }
}
