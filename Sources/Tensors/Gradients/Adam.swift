/// One step of Adam for numbers of which each has a gradient and its two moments.
///
/// Source: arXiv 1412.6980, algorithm 1; `torch.optim.Adam` without weight decay.
package struct Adam: Sendable {
    /// How much of the moments is kept from step to step.
    package static let (first, second) = (0.9, 0.95)
    private static let epsilon: Float = 1e-8

    private var rate: Float
    /// What makes up for moments that began at 0.
    private let (meanFactor, powerFactor): (Float, Float)

    /// - Parameter step: how many there have been, this one included.
    package init(rate: Double, step: Int) {
        precondition(step > 0, "steps are counted from 1")
        func rest(_ kept: Double) -> Double {
            var left = 1.0
            // Beyond so many steps nothing of it is left in double precision.
            for _ in 0..<min(step, 2000) { left *= kept }
            return 1 - left
        }
        self.rate = Float(rate)
        (meanFactor, powerFactor) = (Float(1 / rest(Self.first)), Float(1 / rest(Self.second)))
    }

    /// The same step with a rate so many times as large.
    package func scaled(by factor: Double) -> Adam {
        var result = self
        result.rate = Float(Double(rate) * factor)
        return result
    }

    /// Changes some weights, but none that is 0. All `[rows, columns]`.
    ///
    /// - Parameters:
    ///   - mean, power: the moments, 0 before the first step.
    ///   - movesZeros: whether those that are 0 change, too.
    package func update(
        _ weights: MatrixView, gradient: MatrixView, mean: MatrixView, power: MatrixView,
        movesZeros: Bool = false
    ) {
        for other in [gradient, mean, power] {
            precondition(
                other.rows == weights.rows && other.columns == weights.columns, "shapes differ")
        }
        for index in 0..<weights.rows {
            let (w, g) = (weights.row(index), gradient.row(index))
            let (m, v) = (mean.row(index), power.row(index))
            var j = 0
            while j + 8 <= weights.columns {
                var (mean, power) = (load8(m + j), load8(v + j))
                let weights = update(load8(w + j), load8(g + j), &mean, &power, movesZeros)
                store8(mean, m + j)
                store8(power, v + j)
                store8(weights, w + j)
                j += 8
            }
            while j < weights.columns {
                var (mean, power) = (SIMD8(repeating: m[j]), SIMD8(repeating: v[j]))
                let weights = update(
                    SIMD8(repeating: w[j]), SIMD8(repeating: g[j]), &mean, &power, movesZeros)
                (m[j], v[j], w[j]) = (mean[0], power[0], weights[0])
                j += 1
            }
        }
    }

    @inline(__always)
    private func update(
        _ weights: SIMD8<Float>, _ gradient: SIMD8<Float>, _ mean: inout SIMD8<Float>,
        _ power: inout SIMD8<Float>, _ movesZeros: Bool
    ) -> SIMD8<Float> {
        let (kept, keptPower) = (Float(Self.first), Float(Self.second))
        mean = mean * kept + gradient * (1 - kept)
        power = power * keptPower + gradient * gradient * (1 - keptPower)
        let size = (power * powerFactor).squareRoot() + Self.epsilon
        let moved = weights - mean * meanFactor * rate / size
        return movesZeros ? moved : moved.replacing(with: 0, where: weights .== 0)
    }
}

/// y = x, rounded to what `type` can hold. Both `[rows, columns]`.
package func copy(_ x: MatrixView, roundedTo type: ElementType, into y: MatrixView) {
    y.copy(from: x)
    for index in 0..<y.rows { round(y.row(index), count: y.columns, to: type) }
}
