import Tensors

/// What calibration says about the input of a layer. Layers that read the same input share it.
package struct Statistics: Sendable {
    package let tokens: Int
    /// All `[features]`: the mean, the unbiased variance and the sum of squares.
    package let mean: [Double]
    package let variance: [Double]
    package let norm2: [Double]
    /// Inputs on which row scales are fitted, `[samples, features]`; see `SampleRows`.
    package let sample: InputSample?

    /// On which errors are measured; nil where inputs were not seen.
    package let sketch: InputSketch?

    /// Where a layer is to be solved for; see `Solver`.
    package let covariance: InputCovariance?

    /// Where layers are solved towards the dense model's output.
    package let dense: DenseInput?

    /// nil where there is too little calibration to be parted, or only its sums are known.
    let parts: CalibrationParts?

    /// - Parameters:
    ///   - sample: each row times its token weight.
    ///   - tokenWeights: each row of the sample counts as often as the square of its weight says;
    ///     nil: once.
    ///   - products: sums of products of the input less its mean.
    package init(
        _ parted: PartedMoments, sample: Matrix? = nil, tokenWeights: [Float]? = nil,
        sketch: InputSketch? = nil, products: SquareMatrix? = nil, dense: DenseInput? = nil
    ) {
        self.init(
            parted.total, sample: sample, tokenWeights: tokenWeights, sketch: sketch,
            products: products, dense: dense, parts: parted.parts)
    }

    package init(
        _ moments: Moments, sample: Matrix? = nil, tokenWeights: [Float]? = nil,
        sketch: InputSketch? = nil, products: SquareMatrix? = nil, dense: DenseInput? = nil,
        parts: CalibrationParts? = nil
    ) {
        self.parts = parts
        self.dense = dense
        self.sketch = sketch
        let n = Double(moments.count)
        tokens = moments.count
        mean = moments.sum.map { $0 / n }
        norm2 = moments.squares
        variance = zip(moments.squares, mean).map { squares, mean in
            n > 1 ? max(0, (squares - n * mean * mean) / (n - 1)) : 0
        }
        self.sample = sample.map { InputSample($0, tokenWeights: tokenWeights) }
        covariance = products.map { [mean] in
            InputCovariance($0, tokens: moments.count, mean: mean)
        }
    }

    /// As an earlier calibration of `tokens` tokens left them, all `[features]`.
    package init(tokens: Int, mean: [Float], variance: [Float], norm2: [Float]) {
        self.init(
            tokens: tokens, mean: mean, variance: variance, norm2: norm2, sample: nil,
            sketch: nil, covariance: nil, dense: nil, parts: nil)
    }

    private init(
        tokens: Int, mean: [Float], variance: [Float], norm2: [Float], sample: InputSample?,
        sketch: InputSketch?, covariance: InputCovariance?, dense: DenseInput?,
        parts: CalibrationParts?
    ) {
        self.dense = dense
        self.sketch = sketch
        self.parts = parts
        self.tokens = tokens
        self.mean = mean.map { Double($0) }
        self.variance = variance.map { Double($0) }
        self.norm2 = norm2.map { Double($0) }
        self.sample = sample
        self.covariance = covariance
    }

    /// The same with mean, variance and norm in float32, as files keep them: a job that takes them
    /// from one computes the same bits.
    package var rounded: Statistics {
        Statistics(
            tokens: tokens, mean: mean.map { Float($0) }, variance: variance.map { Float($0) },
            norm2: norm2.map { Float($0) }, sample: sample, sketch: sketch,
            covariance: covariance, dense: dense, parts: parts)
    }

    /// Whether no input was infinite or NaN.
    package var isFinite: Bool { norm2.allSatisfy(\.isFinite) }

    /// How much of the expected squared input is the mean's, weighted by the columns that it feeds:
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
