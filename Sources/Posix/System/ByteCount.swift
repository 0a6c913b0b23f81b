/// A number of bytes for people: `3.1 GiB`.
package func size(_ bytes: Int) -> String {
    let units = ["TiB", "GiB", "MiB", "KiB"]
    for (index, unit) in units.enumerated() {
        let bits = 10 * (units.count - index)
        guard bytes >= 1 << bits else { continue }
        // In whole tenths, for a float's text may have more digits.
        let tenths = Int((Double(bytes) / Double(1 << bits) * 10).rounded())
        return "\(tenths / 10).\(tenths % 10) \(unit)"
    }
    return "\(bytes) bytes"
}
