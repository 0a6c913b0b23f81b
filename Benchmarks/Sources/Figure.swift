import Documents

/// One number that was measured, and under which conditions.
struct Figure: Sendable {
    enum Unit: String, Sendable {
        case flops = "flop/s"
        case bandwidth = "bytes/s"
        case weights = "weights/s"
        case seconds
        case bytes
        case ratio

        /// Whether more is better.
        var growsBetter: Bool { self != .seconds && self != .bytes }
    }

    /// The part that it belongs to, the thing that was measured, its shapes and settings.
    let part: String
    let name: String
    let conditions: String
    let threads: Int
    let value: Double
    let unit: Unit
    /// How much slower than the best the median of the repetitions was; nil where there was one.
    var spread: Double?
    /// The value over that of the ceiling, and which.
    var share: Double?
    var ceiling: String?
    /// What else is to be said of it.
    var note: String?

    /// When it was measured, in UTC.
    var time: String?

    /// Whether both are the same thing under the same conditions.
    func isSame(as other: Figure) -> Bool {
        part == other.part && name == other.name && conditions == other.conditions
            && threads == other.threads && unit == other.unit
    }
}

extension Figure {
    init?(_ node: Node) {
        guard let part = node["part"]?.string, let name = node["name"]?.string,
            let conditions = node["conditions"]?.string, let threads = node["threads"]?.integer,
            let value = node["value"]?.double,
            let unit = node["unit"]?.string.flatMap({ Unit(rawValue: $0) })
        else { return nil }
        self.init(
            part: part, name: name, conditions: conditions, threads: threads, value: value,
            unit: unit, spread: node["spread"]?.double, share: node["share"]?.double,
            ceiling: node["ceiling"]?.string, note: node["note"]?.string,
            time: node["time"]?.string)
    }

    var node: Node {
        .object([
            "part": Node(part), "name": Node(name), "conditions": Node(conditions),
            "threads": Node(threads), "value": Node(value), "unit": Node(unit.rawValue),
            "spread": spread.map { Node($0) } ?? .null, "share": share.map { Node($0) } ?? .null,
            "ceiling": ceiling.map { Node($0) } ?? .null, "note": note.map { Node($0) } ?? .null,
            "time": time.map { Node($0) } ?? .null,
        ])
    }
}
