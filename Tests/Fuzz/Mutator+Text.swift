/// Text with a structure: YAML, JSON, lines of either.
extension Mutator {
    private static let numbers = [
        "0", "-1", "-0", "0.0", "1e999", "-1e999", "1e308", "1e-320", "9223372036854775807",
        "9223372036854775808", "-9223372036854775809", "18446744073709551616", "2147483648", "0x10",
        "1_000", "010", "NaN", "Infinity", ".nan", "1e", "4294967295", "0.9999999999999999",
        "true", "null", "\"3\"", "[1]", String(repeating: "9", count: 400),
    ]
    private static let strings = [
        "", "\\u0000", "\\ud800", "\\ud83d\\ude00", "\\u202e", "\\u001b[2J",
        "../../../../etc/passwd",
        "/", ".", "/dev/zero", "/proc/self/mem", "\u{feff}", "é", "e\u{301}", "\u{1f1e9}\u{1f1ea}",
        "(.*)*x", "(a+)+$", "[", "\\\\", "%s%n", "a/b", "~", "*x", "&x", "!!int 3", "<<",
        "\u{0}", "\u{85}\u{2028}", "<img src=x>", "{{7*7}}", String(repeating: "a", count: 5000),
        String(repeating: "ﷺ", count: 300), String(repeating: "a\u{300}", count: 600),
    ]
    private static let tokens = [
        "{", "}", "[", "]", ",", ":", "\"", "'", "- ", "  ", "\t", "\n", "\r\n", "---\n", "...\n",
        "|\n", ">\n", "? ", "#", "null", "{}", "[]", "\\", "\u{feff}", "//", "NaN",
    ]

    mutating func text(_ bytes: [UInt8], _ seeds: [[UInt8]]) -> [UInt8] {
        var bytes = bytes
        let place = below(bytes.count + 1)
        switch below(12) {
        case 0, 1: replaceNumber(&bytes)
        case 2, 3: replaceString(&bytes)
        case 4: bytes.insert(contentsOf: any(Self.tokens).utf8, at: place)
        case 5: bytes.removeSubrange(range(bytes.count, limit: 200))
        case 6: moveLines(&bytes)
        case 7: repeatPart(&bytes)
        case 8: nest(&bytes)
        case 9:
            let other = any(seeds)
            let part = other[range(other.count, limit: 400)]
            bytes.replaceSubrange(range(bytes.count, limit: 400), with: part)
        case 10: bytes.removeLast(below(bytes.count + 1))
        default: swapValues(&bytes)
        }
        return bytes
    }

    /// The places of runs of bytes that satisfy `isPart`.
    private func runs(_ bytes: [UInt8], _ isPart: (UInt8) -> Bool) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var start: Int?
        for (i, byte) in bytes.enumerated() {
            if isPart(byte) {
                start = start ?? i
            } else if let begin = start {
                runs.append(begin..<i)
                start = nil
            }
        }
        if let start { runs.append(start..<bytes.count) }
        return runs
    }

    private mutating func replaceNumber(_ bytes: inout [UInt8]) {
        let numbers = runs(bytes) { (0x30...0x39).contains($0) || $0 == 0x2e || $0 == 0x2d }
        guard !numbers.isEmpty else { return }
        bytes.replaceSubrange(any(numbers), with: any(Self.numbers).utf8)
    }

    /// What stands between two quotation marks, or a word.
    private mutating func replaceString(_ bytes: inout [UInt8]) {
        let quotes = bytes.indices.filter { bytes[$0] == 0x22 }
        if quotes.count > 1, below(4) > 0 {
            let first = below(quotes.count - 1)
            bytes.replaceSubrange(
                (quotes[first] + 1)..<quotes[first + 1], with: any(Self.strings).utf8)
        } else {
            let words = runs(bytes) { (0x61...0x7a).contains($0) || $0 == 0x5f }
            guard !words.isEmpty else { return }
            bytes.replaceSubrange(any(words), with: any(Self.strings).utf8)
        }
    }

    /// Lines, or what commas part, change their places, go, or come twice.
    private mutating func moveLines(_ bytes: inout [UInt8]) {
        let separator: UInt8 = bytes.contains(0x0a) && below(3) > 0 ? 0x0a : 0x2c
        var parts = bytes.split(separator: separator, omittingEmptySubsequences: false)
        let (a, b) = (below(parts.count), below(parts.count))
        switch below(3) {
        case 0: parts.swapAt(a, b)
        case 1: parts.insert(parts[a], at: b)
        default: parts.remove(at: a)
        }
        bytes = Array(parts.joined(separator: [separator]))
    }

    private mutating func repeatPart(_ bytes: inout [UInt8]) {
        let part = Array(bytes[range(bytes.count, limit: 60)])
        let count = below(3) == 0 ? 20_000 : below(50)
        let many = [[UInt8]](repeating: part, count: count).joined()
        bytes.insert(contentsOf: many, at: below(bytes.count + 1))
    }

    /// Brackets without end, with or without their partners.
    private mutating func nest(_ bytes: inout [UInt8]) {
        let depth = any([10, 33, 65, 1000, 100_000])
        let (open, close) = any([
            ("[", "]"), ("{\"a\":", "}"), ("{a: ", "}"), ("(", ")"), ("- ", ""),
        ])
        let inner = below(2) == 0 ? "1" : ""
        let closing = below(3) == 0 ? "" : String(repeating: close, count: depth)
        let deep = String(repeating: open, count: depth) + inner + closing
        let numbers = runs(bytes) { (0x30...0x39).contains($0) }
        if let place = numbers.isEmpty ? nil : any(numbers) {
            bytes.replaceSubrange(place, with: deep.utf8)
        } else {
            bytes.insert(contentsOf: deep.utf8, at: below(bytes.count + 1))
        }
    }

    /// Two values of a mapping, whatever they are.
    private mutating func swapValues(_ bytes: inout [UInt8]) {
        let values = runs(bytes) { ![0x2c, 0x3a, 0x0a, 0x7b, 0x7d, 0x5b, 0x5d].contains($0) }
        guard values.count > 1 else { return }
        let (a, b) = (any(values), any(values))
        guard a.upperBound <= b.lowerBound else { return }
        let (first, second) = (Array(bytes[a]), Array(bytes[b]))
        bytes.replaceSubrange(b, with: first)
        bytes.replaceSubrange(a, with: second)
    }
}
