import Reports

/// A time for people: `42 s`, `4 min`, `2 h 5 min`, `3 d 4 h`.
package func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "unknown" }
    let total = Int(max(0, seconds).rounded())
    switch total {
    case ..<60: return "\(total) s"
    case ..<3600: return "\((total + 30) / 60) min"
    case ..<86400: return "\(total / 3600) h \(total % 3600 / 60) min"
    default: return "\(total / 86400) d \(total % 86400 / 3600) h"
    }
}

/// A number with so many decimals.
package func decimal(_ number: Double, _ places: Int) -> String {
    guard number.isFinite else { return notFinite }
    guard abs(number) < 1e12 else { return "\(number)" }
    let scale = (0..<places).reduce(1) { scale, _ in scale * 10 }
    let scaled = Int((abs(number) * Double(scale)).rounded())
    let sign = number < 0 && scaled > 0 ? "-" : ""
    if places == 0 { return "\(sign)\(scaled)" }
    let fraction = String(scaled % scale)
    let padding = String(repeating: "0", count: places - fraction.utf8.count)
    return "\(sign)\(scaled / scale).\(padding)\(fraction)"
}
