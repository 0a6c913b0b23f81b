/// What the magnitudes of a layer's weights are multiplied by, column by column, to be their
/// scores.
package struct ColumnFactors: Sendable {
    /// `[columns]`, none negative or NaN.
    package let exact: [Double]
    /// The same in float32, all divided by a power of two so that they are at most 1; nil where
    /// they are too far apart for it, or a score could leave the normal doubles.
    let scaled: [Float]?

    /// Times any float32 it is a normal double.
    private static let tame = 0x1p-800...0x1p800

    package init(_ factors: [Double]) {
        exact = factors
        let largest = factors.max() ?? 0
        guard largest == 0 || largest.isFinite,
            factors.allSatisfy({ $0 == 0 || Self.tame.contains($0) })
        else {
            scaled = nil
            return
        }
        let exponent = largest > 0 ? largest.exponent : 0
        let scale = Double(sign: .plus, exponent: -exponent - 1, significand: 1)
        let scaled = factors.map { Float($0 * scale) }
        let isExact = zip(factors, scaled).allSatisfy {
            $0 == 0 || ($1 >= .leastNormalMagnitude && $1.isFinite)
        }
        self.scaled = isExact ? scaled : nil
    }
}
