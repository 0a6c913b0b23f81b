import Tensors

/// What calibration says about the input of a layer. Layers that read the same input share it.
package struct Statistics: Sendable {
    package let tokens: Int
    /// All `[features]`: the mean, the unbiased variance and the sum of squares.
    package let mean: [Double]
    package let variance: [Double]
    package let norm2: [Double]
    /// Inputs on which row scales are fitted, `[samples, features]`; see `SampleRows`.
    package let sample: Matrix?

    /// Where a layer is to be solved for; see `Solver`.
    package let covariance: InputCovariance?

    /// - Parameter products: sums of products of the input less its mean.
    package init(_ moments: Moments, sample: Matrix? = nil, products: SquareMatrix? = nil) {
        let n = Double(moments.count)
        tokens = moments.count
        mean = moments.sum.map { $0 / n }
        norm2 = moments.squares
        variance = zip(moments.squares, mean).map { squares, mean in
            n > 1 ? max(0, (squares - n * mean * mean) / (n - 1)) : 0
        }
        self.sample = sample
        covariance = products.map { [mean] in
            InputCovariance($0, tokens: moments.count, mean: mean)
        }
    }

    /// Whether no input was infinite or NaN.
    package var isFinite: Bool { norm2.allSatisfy(\.isFinite) }

    /// The share of the mean in the expected squared input, weighted by the columns that it feeds:
    /// `sum_j c_j mean_j² / sum_j c_j E[x_j²]`. columnNorms: the c_j, `[features]`, squared.
    func biasShare(columnNorms: [Double]) -> Double {
        var ofMean = 0.0
        var total = 0.0
        for j in mean.indices {
            ofMean += columnNorms[j] * mean[j] * mean[j]
            total += columnNorms[j] * norm2[j] / Double(tokens)
        }
        return total > 0 ? min(1, ofMean / total) : 0
    }
}
