import Daemon
import Glibc

extension Figure {
    /// The value for people, with its unit.
    var text: String {
        switch unit {
        case .flops: "\(decimal(value / 1e9, 1)) GFLOP/s"
        case .bandwidth: "\(decimal(value / 1e9, 2)) GB/s"
        case .weights: "\(decimal(value / 1e6, 1)) M weights/s"
        case .seconds: "\(decimal(value, value < 10 ? 3 : 1)) s"
        case .bytes: "\(decimal(value / 1_048_576, 1)) MiB"
        case .ratio: "\(decimal(value, 3)) x"
        }
    }

    /// One line of the table; `last` is the same figure of the last run.
    func line(last: Figure?) -> String {
        let remark = [
            share.map { "\(decimal($0 * 100, 0)) % of \(ceiling ?? "")" }, note,
            isNoisy ? "NOISY" : nil, last.map { change(since: $0) },
        ]
        return Self.columns(
            name, conditions, "\(threads)", text,
            spread.map { "+\(decimal($0 * 100, 0)) %" } ?? "",
            remark.compactMap { $0 }.joined(separator: "; "))
    }

    static let heading = columns(
        "what", "shape or job", "threads", "best", "median", "share of the ceiling; change")

    private static func columns(
        _ name: String, _ conditions: String, _ threads: String, _ best: String,
        _ median: String, _ remark: String
    ) -> String {
        let left = [(name, 28), (conditions, 40)].map { padded($0, $1) }
        let right = [(threads, 7), (best, 19), (median, 8)].map { padded($0, $1, left: true) }
        return "  " + (left + right).joined() + "  " + remark
    }

    /// Repetitions so far apart that their best says little.
    var isNoisy: Bool { (spread ?? 0) > 0.2 }

    /// How much more or less than in the last run, as a share.
    func growth(since last: Figure) -> Double { value / last.value - 1 }

    /// Whether it changed by more than a tenth.
    func isChanged(since last: Figure) -> Bool { abs(growth(since: last)) > 0.1 }

    private func change(since last: Figure) -> String {
        let growth = growth(since: last)
        let amount = "\(growth < 0 ? "" : "+")\(decimal(growth * 100, 0)) %"
        guard isChanged(since: last) else { return amount }
        return "\(amount) \((growth > 0) == unit.growsBetter ? "BETTER" : "WORSE")"
    }
}

private func padded(_ text: String, _ width: Int, left: Bool = false) -> String {
    let room = String(repeating: " ", count: max(0, width - text.count))
    return left ? room + text : text + room
}

/// A line on standard output, at once.
func show(_ line: String) { put(line, on: STDOUT_FILENO) }

/// A line on standard error.
func complain(_ line: String) { put(line, on: STDERR_FILENO) }

private func put(_ line: String, on descriptor: CInt) {
    let line = line + "\n"
    _ = write(descriptor, line, line.utf8.count)
}
