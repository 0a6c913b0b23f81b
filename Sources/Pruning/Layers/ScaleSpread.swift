/// How the scale of a row varies over parts of the sample.
struct ScaleSpread: Sendable {
    /// Of (a_p - a)² z_p², over the parts p, and of z_p².
    private var squares = 0.0
    private var power = 0.0

    mutating func add(_ difference: Double, power: Double) {
        squares += difference * difference * power
        self.power += power
    }

    /// How much of a_i - 1 carries over, 0 to 1; the rows weigh as much as their outputs have
    /// power.
    static func carried(_ scales: [Double], _ spreads: [ScaleSpread], parts: Int) -> Double {
        guard parts > 1 else { return 0 }
        var effect = 0.0
        var spread = 0.0
        for (scale, row) in zip(scales, spreads) {
            effect += (scale - 1) * (scale - 1) * row.power
            spread += row.squares
        }
        spread /= Double(parts - 1)
        spread *= Double(parts)
        // Both are sums over the parts: the spread of one part, and that of their mean.
        let signal = max(0, effect - spread / Double(parts))
        return signal > 0 ? signal / (signal + CalibrationParts.scaleDoubt * spread) : 0
    }
}
