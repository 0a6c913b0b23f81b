import Glibc

/// What stands for a number that is infinite or none, wherever people read it.
package let notFinite = "not finite"

/// A number for people, with about `digits` digits that count: `20.82`, `0.0031`, `1.2e-07`.
package func short(_ value: Double, digits: Int = 4) -> String {
    guard value.isFinite else { return notFinite }
    if value == 0 { return "0" }
    let exponent = Int(log10(abs(value)).rounded(.down))
    if exponent < -4 || exponent > 8 {
        let scale = pow(10, Double(exponent))
        let tenths = (value / scale * 10).rounded() / 10
        return "\(tenths)e\(exponent)"
    }
    return fixed(value, max(0, digits - 1 - exponent))
}

/// With so many decimals, 0 to 9.
func fixed(_ value: Double, _ places: Int) -> String {
    guard value.isFinite else { return notFinite }
    guard abs(value) < 1e9 else { return "\(value)" }
    let scale = (0..<min(places, 9)).reduce(1) { scale, _ in scale * 10 }
    let scaled = Int((abs(value) * Double(scale)).rounded())
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard scale > 1 else { return "\(sign)\(scaled)" }
    let fraction = String(scaled % scale)
    return "\(sign)\(scaled / scale)."
        + String(repeating: "0", count: min(places, 9) - fraction.utf8.count) + fraction
}

/// A share of 1 in percent: `49.9 %`.
func percent(_ share: Double) -> String { fixed(100 * share, 1) + " %" }

/// A whole number in groups of three: `106,168,320`.
func grouped(_ value: Int) -> String {
    let digits = Array(String(value.magnitude))
    var text = value < 0 ? "-" : ""
    for (index, digit) in digits.enumerated() {
        if index > 0, (digits.count - index) % 3 == 0 { text += "," }
        text.append(digit)
    }
    return text
}

/// A count in few digits: `1,576,960`, `106 million`, `6.61 billion`.
func counted(_ value: Int) -> String {
    guard value >= 10_000_000 else { return grouped(value) }
    let (unit, word) = value >= 1_000_000_000 ? (1e9, "billion") : (1e6, "million")
    return short(Double(value) / unit, digits: 3) + " " + word
}

/// Three digits that count, or more in whole thousands: `0.125`, `35,480`.
func rounded(_ value: Double) -> String {
    guard let whole = Int(exactly: value.rounded()), whole >= 1000 else {
        return short(value, digits: 3)
    }
    return grouped(whole)
}

/// Without zeros at the end of its decimals: `0.0200` as `0.02`.
func trimmed(_ text: String) -> String {
    guard text.contains("."), !text.contains("e") else { return text }
    var text = text[...]
    while text.last == "0" { text.removeLast() }
    if text.last == "." { text.removeLast() }
    return String(text)
}
