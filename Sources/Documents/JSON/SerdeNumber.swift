/// A number of JSON as serde_json reads it, which is not always the nearest `Double`: all digits
/// that fit in 64 bits, then one multiplication with a power of ten, or one division by it.
///
/// The tokenizers library reads scores so. Where two ways to cut a word have the same score but for
/// rounding, the last bit decides.
///
/// Source: `de.rs` of serde_json 1.0, without its feature `float_roundtrip`.
package enum SerdeNumber {
    private static let powers = (0...308).map { Double("1e\($0)") ?? .infinity }

    /// What it makes of a number that was written by its shortest digits, as Swift, Python and Rust
    /// write it.
    package static func value(_ number: Double) -> Double {
        number.isFinite ? value("\(number)") ?? number : number
    }

    /// - Parameter text: a number by the grammar of JSON.
    /// - Returns: nil for one that is too large.
    static func value(_ text: some StringProtocol) -> Double? {
        var rest = text.utf8[...]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative { rest.removeFirst() }
        var significand: UInt64 = 0
        var exponent = 0
        /// Whether the significand has taken a digit; where it has no room it stays as it is.
        func take(_ digit: UInt8) -> Bool {
            let (tenfold, first) = significand.multipliedReportingOverflow(by: 10)
            let (sum, second) = tenfold.addingReportingOverflow(UInt64(digit))
            if first || second { return false }
            significand = sum
            return true
        }
        func digits() -> [UInt8] {
            let found = rest.prefix { $0 &- UInt8(ascii: "0") <= 9 }
            rest = rest[found.endIndex...]
            return found.map { $0 - UInt8(ascii: "0") }
        }
        let whole = digits()
        exponent += whole.count - (whole.firstIndex { !take($0) } ?? whole.count)
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            let fraction = digits()
            exponent -= fraction.firstIndex { !take($0) } ?? fraction.count
        }
        if let sign = rest.first, sign | 0x20 == UInt8(ascii: "e") {
            rest.removeFirst()
            let isDown = rest.first == UInt8(ascii: "-")
            if isDown || rest.first == UInt8(ascii: "+") { rest.removeFirst() }
            // Beyond a million, digits do not matter.
            let size = digits().reduce(0) { min(1_000_000, $0 * 10 + Int($1)) }
            exponent += isDown ? -size : size
        }
        guard let size = scaled(Double(significand), exponent) else { return nil }
        return isNegative ? -size : size
    }

    private static func scaled(_ significand: Double, _ exponent: Int) -> Double? {
        var (value, exponent) = (significand, exponent)
        while exponent < -308, value != 0 {
            value /= powers[308]
            exponent += 308
        }
        if value == 0 { return 0 }
        if exponent < 0 { return value / powers[-exponent] }
        guard exponent <= 308 else { return nil }
        value *= powers[exponent]
        return value.isFinite ? value : nil
    }
}
