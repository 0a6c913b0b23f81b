import Glibc

/// Rotary position embedding: the cosines and sines of every position and frequency.
///
/// Source: arXiv 2104.09864; `apply_rotary_pos_emb` in transformers.
package struct RotaryTable: Sendable {
    /// Which of a head's d rotated elements turn together.
    package enum Pairs: Sendable, Hashable {
        /// Element i and element i + d/2.
        case halves
        /// Element 2i and element 2i + 1.
        case neighbours
    }

    /// Both `[positions, frequencies]`.
    private let cosines: [Float]
    private let sines: [Float]
    package let positions: Int
    package let frequencies: Int
    private let pairs: Pairs

    /// `inverseFrequencies`: radians per position, in float32 as transformers computes them;
    /// `factor`: of all that is rotated.
    package init(
        positions: Int, inverseFrequencies: [Float], factor: Float = 1, pairs: Pairs = .halves
    ) {
        self.positions = positions
        self.pairs = pairs
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
    ///
    /// - Parameter isTransposed: by the transposed matrix: what makes gradients before the rotation
    ///   of those behind it.
    package func apply(
        _ x: MatrixView, headDimension: Int, from first: Int = 0, isTransposed: Bool = false
    ) {
        let half = frequencies
        precondition(2 * half <= headDimension && x.columns % headDimension == 0)
        precondition(first + x.rows <= positions, "more rows than positions")
        cosines.withUnsafeBufferPointer { cosines in
            sines.withUnsafeBufferPointer { sines in
                for index in 0..<x.rows {
                    let c = cosines.baseAddress! + (first + index) * half
                    let s = sines.baseAddress! + (first + index) * half
                    for head in stride(from: 0, to: x.columns, by: headDimension) {
                        let start = x.row(index) + head
                        // Turned back, the two elements of a pair change places.
                        let (low, high) = isTransposed ? (1, 0) : (0, 1)
                        switch pairs {
                        case .halves:
                            rotate(start + low * half, start + high * half, half, c, s)
                        case .neighbours:
                            for i in 0..<half {
                                let pair = start + 2 * i
                                rotate(pair + low, pair + high, 1, c + i, s + i)
                            }
                        }
                    }
                }
            }
        }
    }

    /// (a, b) = (a c - b s, b c + a s), element by element.
    @inline(__always)
    private func rotate(
        _ low: UnsafeMutablePointer<Float>, _ high: UnsafeMutablePointer<Float>, _ count: Int,
        _ c: UnsafePointer<Float>, _ s: UnsafePointer<Float>
    ) {
        for i in 0..<count {
            let a = low[i]
            let b = high[i]
            low[i] = a * c[i] - b * s[i]
            high[i] = b * c[i] + a * s[i]
        }
    }
}
