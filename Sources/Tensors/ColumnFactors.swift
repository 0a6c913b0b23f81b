/// What the magnitudes of a layer's weights are multiplied by, column by column, to be their scores.
package struct ColumnFactors: Sendable {
    /// `[columns]`, none negative or NaN.
    package let exact: [Double]
    /// The same in float32, all divided by a power of two so that they are at most 1; nil where they
    /// are too far apart for it.
    let scaled: [Float]?

    package init(_ factors: [Double]) {
        exact = factors
        let largest = factors.max() ?? 0
        let exponent = largest > 0 && largest.isFinite ? largest.exponent : 0
        // The power must be normal itself; those of the largest doubles come out smaller.
        let scale = Double(sign: .plus, exponent: -min(exponent, 1020) - 1, significand: 1)
        let scaled = factors.map { Float($0 * scale) }
        let isExact = zip(factors, scaled).allSatisfy {
            $0 == 0 || ($1 >= .leastNormalMagnitude && $1.isFinite)
        }
        self.scaled = isExact ? scaled : nil
    }
}
