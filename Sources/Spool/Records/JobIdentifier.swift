import Glibc

/// Names of jobs: the time (UTC) to about 30 µs and three random letters, so that they sort by age
/// and never meet, e.g. `20250314-092653-8n3k7q`.
package struct JobIdentifier: Sendable {
    /// Digits and letters in the order of their bytes, without those that look like digits.
    private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
    private static let ticksPerSecond = 32 * 32 * 32
    private var last = 0

    package init() {}

    /// The next name; later than every name before it from the same value, even if the clock steps.
    package mutating func next() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let fraction = now.tv_nsec * Self.ticksPerSecond / 1_000_000_000
        last = max(last + 1, now.tv_sec * Self.ticksPerSecond + fraction)
        var seconds = time_t(last / Self.ticksPerSecond)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let date =
            Self.digits(Int(parts.tm_year) + 1900, 4) + Self.digits(Int(parts.tm_mon) + 1, 2)
            + Self.digits(Int(parts.tm_mday), 2)
        let time =
            Self.digits(Int(parts.tm_hour), 2) + Self.digits(Int(parts.tm_min), 2)
            + Self.digits(Int(parts.tm_sec), 2)
        let tick = last % Self.ticksPerSecond
        var tail = [tick >> 10, tick >> 5 & 31, tick & 31].map { Self.alphabet[$0] }
        for _ in 0..<3 { tail.append(Self.alphabet[Int.random(in: 0..<32)]) }
        return date + "-" + time + "-" + String(decoding: tail, as: UTF8.self)
    }

    /// Whether `text` can be a job's name: it becomes part of paths.
    package static func isValid(_ text: String) -> Bool {
        (8...64).contains(text.utf8.count) && text.utf8.first != UInt8(ascii: "-")
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    private static func digits(_ number: Int, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }
}
