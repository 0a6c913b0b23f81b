/// How large a pattern is with its counted repetitions written out: what a matcher may have to step
/// through without ever stepping back, and so without meeting its limit: `(a{1000}){1000}`.
enum Repetitions {
    private struct Group {
        /// Of all its parts so far, with the last one.
        var parts = 0
        var last = 0

        mutating func add(_ parts: Int) {
            last = parts
            self.parts = Repetitions.sum(self.parts, parts)
        }

        mutating func repeatLast(_ times: Int) {
            let (product, overflow) = last.multipliedReportingOverflow(by: max(1, times))
            let all = overflow ? .max : product
            parts = Repetitions.sum(parts - last, all)
            last = all
        }
    }

    /// The number of characters, classes and groups. What it takes a pattern for may be larger than
    /// Oniguruma does, for one in extended form with braces in comments.
    static func parts(of pattern: [UInt8]) -> Int {
        var groups = [Group()]
        var index = 0
        while index < pattern.count {
            let byte = pattern[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\\"):
                skipEscape(pattern, &index)
                groups[groups.count - 1].add(1)
            case UInt8(ascii: "["):
                skipClass(pattern, &index)
                groups[groups.count - 1].add(1)
            case UInt8(ascii: "("): groups.append(Group())
            case UInt8(ascii: ")"):
                guard groups.count > 1 else { continue }
                let inner = groups.removeLast()
                groups[groups.count - 1].add(max(1, inner.parts))
            case UInt8(ascii: "{"):
                if let times = interval(pattern, &index) {
                    groups[groups.count - 1].repeatLast(times)
                } else {
                    groups[groups.count - 1].add(1)
                }
            case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"), UInt8(ascii: "|"): break
            default: groups[groups.count - 1].add(1)
            }
        }
        // Groups that nothing closes.
        return groups.reduce(0) { sum($0, $1.parts) }
    }

    fileprivate static func sum(_ left: Int, _ right: Int) -> Int {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? .max : sum
    }

    /// After a backslash: a letter, and what stands in braces behind some, as in `\p{L}`.
    private static func skipEscape(_ pattern: [UInt8], _ index: inout Int) {
        guard index < pattern.count else { return }
        let hasBraces = "pPxoNk".utf8.contains(pattern[index])
        index += 1
        guard hasBraces, index < pattern.count, pattern[index] == UInt8(ascii: "{") else { return }
        if let end = pattern[index...].firstIndex(of: UInt8(ascii: "}")) { index = end + 1 }
    }

    /// After `[`: to its `]`. Classes stand within classes; a first `]` is a character.
    private static func skipClass(_ pattern: [UInt8], _ index: inout Int) {
        var depth = 1
        var isFirst = true
        while index < pattern.count, depth > 0 {
            let byte = pattern[index]
            index += 1
            switch byte {
            case UInt8(ascii: "^") where isFirst: continue
            case UInt8(ascii: "\\"): index += 1
            case UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "]") where !isFirst: depth -= 1
            default: break
            }
            isFirst = false
        }
        index = min(index, pattern.count)
    }

    /// After `{`: the larger number of `{n}`, `{n,}`, `{,m}` or `{n,m}`; nil for anything else.
    private static func interval(_ pattern: [UInt8], _ index: inout Int) -> Int? {
        var place = index
        var numbers: [Int] = []
        func number() -> Int? {
            var value: Int?
            while place < pattern.count, case let digit = pattern[place] &- UInt8(ascii: "0"),
                digit <= 9
            {
                // More than any repetition can have.
                value = min((value ?? 0) * 10 + Int(digit), 1_000_000_000)
                place += 1
            }
            return value
        }
        if let least = number() { numbers.append(least) }
        if place < pattern.count, pattern[place] == UInt8(ascii: ",") {
            place += 1
            if let most = number() { numbers.append(most) }
        }
        guard let most = numbers.max(), place < pattern.count,
            pattern[place] == UInt8(ascii: "}")
        else { return nil }
        index = place + 1
        return most
    }
}
