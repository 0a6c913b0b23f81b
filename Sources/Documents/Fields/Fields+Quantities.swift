extension Fields {
    /// A size in bytes: an integer of bytes, or text such as `4GiB`.
    package func size(
        _ key: String, in range: ClosedRange<Int> = 0...Int.max
    ) throws(DocumentError) -> Int? {
        guard let value = value(key) else { return nil }
        let bytes =
            value.integer
            ?? value.string.flatMap {
                quantity($0, units: [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)])
            }
        guard let bytes, range.contains(bytes) else {
            let least = range.lowerBound > 0 ? " of at least \(range.lowerBound)" : ""
            throw mismatch(
                key, value,
                expected: "a size\(least) in bytes, or an integer and KiB, MiB or GiB, as in 4GiB")
        }
        return bytes
    }

    /// A time in seconds: text such as `90s`, `30m`, `2h` or `7d`.
    package func duration(
        _ key: String, in range: ClosedRange<Int> = 0...Int.max
    ) throws(DocumentError) -> Int? {
        guard let value = value(key) else { return nil }
        let seconds = value.string.flatMap {
            quantity($0, units: [("s", 1), ("m", 60), ("h", 3600), ("d", 86400)])
        }
        guard let seconds, range.contains(seconds) else {
            let least = range.lowerBound > 0 ? " of at least \(range.lowerBound)s" : ""
            throw mismatch(
                key, value,
                expected: "a time\(least): an integer and s, m, h or d, as in 90s, 30m, 2h or 7d")
        }
        return seconds
    }

    /// nil where the text is something else, or the product does not fit.
    private func quantity(_ text: String, units: [(suffix: String, factor: Int)]) -> Int? {
        let digits = text.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        let suffix = text.utf8.dropFirst(digits.count)
        guard let count = Int(String(decoding: digits, as: UTF8.self)),
            digits.count == 1 || digits.first != UInt8(ascii: "0"),
            let unit = units.first(where: { suffix.elementsEqual($0.suffix.utf8) })
        else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: unit.factor)
        return overflow ? nil : product
    }
}
