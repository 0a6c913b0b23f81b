import Glibc

/// A small chart as inline SVG, in the colours of the page.
struct Chart {
    /// What is drawn at each point.
    enum Mark { case bars, line }

    struct Point {
        let x: Double
        let y: Double
        /// What hovering over it says.
        let label: String
        /// Its standard error, drawn above and below it.
        var error: Double?
        /// What is written beside it; it is drawn as a ring then.
        var mark: String?
        /// To which line it belongs, from 0.
        var line = 0
    }

    let title: String
    let mark: Mark
    let points: [Point]
    /// Names of the axes.
    let x: String
    let y: String
    /// What the vertical axis spans at least; nil: what the points do.
    var span: ClosedRange<Double>? = 0...0
    var width = 320.0
    var height = 160.0
    /// Heights by their logarithms; points that are not above 0 are left out then.
    var isLogarithmic = false
    /// A horizontal line for comparison.
    var reference: (y: Double, label: String)?
    /// Names of the lines, where there is more than one.
    var lines: [String] = []
    /// How the ticks of the axes are written.
    var tick: (Double) -> String = { trimmed(short($0, digits: 3)) }
    var tickX: (Double) -> String = { fixed($0, 0) }

    private static let (left, right, top, bottom) = (52.0, 12.0, 12.0, 38.0)

    /// The chart; empty where there is nothing to show.
    var svg: String {
        let points = points.filter {
            // Ticks beyond the largest of them would be infinite.
            $0.x.isFinite && abs($0.y) < 1e300 && (!isLogarithmic || $0.y > 0)
        }
        guard let firstX = points.map(\.x).min(), let lastX = points.map(\.x).max(),
            let leastY = points.map({ $0.y - ($0.error ?? 0) }).min(),
            let mostY = points.map({ $0.y + ($0.error ?? 0) }).max()
        else { return "" }
        let pad = mark == .bars ? 0.6 : 0
        let lowX = firstX - pad
        let highX = max(lastX + pad, lowX + 1e-9)
        let wanted = [leastY, mostY, span?.lowerBound, span?.upperBound, reference?.y].compactMap(
            \.self)
        let ticks =
            isLogarithmic
            ? Self.logarithmicTicks(wanted.min() ?? 0.1, wanted.max() ?? 1)
            : Self.ticks(wanted.min() ?? 0, wanted.max() ?? 1, count: 4)
        let lowY = ticks.first ?? 0
        let highY = max(ticks.last ?? 1, lowY + 1e-12)
        let innerWidth = width - Self.left - Self.right
        let innerHeight = height - Self.top - Self.bottom
        func place(_ x: Double) -> Double {
            Self.left + (x - lowX) / (highX - lowX) * innerWidth
        }
        func level(_ y: Double) -> Double {
            let part =
                isLogarithmic
                ? log(highY / y) / log(highY / lowY) : (highY - y) / (highY - lowY)
            return Self.top + part * innerHeight
        }
        var parts = [
            "<svg\(width > 400 ? " class=\"large\"" : "") viewBox=\"0 0 \(Int(width)) "
                + "\(Int(height))\" role=\"img\" aria-label=\"\(markup(title))\">"
        ]
        for value in ticks {
            let y = fixed(level(value), 1)
            parts.append(
                "<line class=\"grid\" x1=\"\(Int(Self.left))\" x2=\"\(Int(width - Self.right))\" "
                    + "y1=\"\(y)\" y2=\"\(y)\"/><text class=\"tick\" text-anchor=\"end\" "
                    + "x=\"\(Int(Self.left) - 6)\" y=\"\(fixed(level(value) + 4, 1))\">"
                    + "\(markup(tick(value)))</text>")
        }
        for value in Self.ticks(firstX, lastX, count: width < 400 ? 4 : 6)
        where value >= lowX && value <= highX && value == value.rounded() {
            parts.append(
                "<text class=\"tick\" text-anchor=\"middle\" x=\"\(fixed(place(value), 1))\" "
                    + "y=\"\(Int(height) - 21)\">\(markup(tickX(value)))</text>")
        }
        parts.append(
            "<text class=\"axis\" text-anchor=\"middle\" "
                + "x=\"\(fixed(place((lowX + highX) / 2), 1))\" "
                + "y=\"\(Int(height) - 4)\">\(markup(x))</text>")
        if let reference {
            let y = fixed(level(reference.y), 1)
            parts.append(
                "<line class=\"reference\" x1=\"\(Int(Self.left))\" "
                    + "x2=\"\(Int(width - Self.right))\" y1=\"\(y)\" y2=\"\(y)\"/>"
                    + "<text class=\"tick\" text-anchor=\"end\" x=\"\(Int(width - Self.right))\" "
                    + "y=\"\(fixed(level(reference.y) - 5, 1))\">\(markup(reference.label))</text>")
        }
        switch mark {
        case .bars:
            let step = innerWidth / (highX - lowX)
            let bar = max(1, min(28, step * 0.7))
            let base = level(max(0, lowY))
            for point in points {
                let y = level(point.y)
                parts.append(
                    "<rect class=\"bar\" x=\"\(fixed(place(point.x) - bar / 2, 1))\" "
                        + "y=\"\(fixed(min(y, base), 1))\" width=\"\(fixed(bar, 1))\" "
                        + "height=\"\(fixed(max(0.5, abs(base - y)), 1))\">"
                        + "<title>\(markup(point.label))</title></rect>")
            }
        case .line:
            for line in 0...(points.map(\.line).max() ?? 0) {
                let path = points.filter { $0.line == line }.map {
                    "\(fixed(place($0.x), 1)),\(fixed(level($0.y), 1))"
                }
                parts.append(
                    "<polyline class=\"line \(Self.hue(line))\" "
                        + "points=\"\(path.joined(separator: " "))\"/>")
            }
            parts += points.compactMap { point in
                point.error.map { error in
                    let x = fixed(place(point.x), 1)
                    return "<line class=\"error \(Self.hue(point.line))\" x1=\"\(x)\" x2=\"\(x)\" "
                        + "y1=\"\(fixed(level(point.y + error), 1))\" "
                        + "y2=\"\(fixed(level(point.y - error), 1))\"/>"
                }
            }
            for point in points {
                parts.append(
                    "<circle class=\"dot "
                        + "\(Self.hue(point.line))\(point.mark == nil ? "" : " marked")\" "
                        + "cx=\"\(fixed(place(point.x), 1))\" cy=\"\(fixed(level(point.y), 1))\" "
                        + "r=\"\(point.mark != nil ? 5.5 : points.count > 40 ? 2 : 3)\">"
                        + "<title>\(markup(point.label))</title></circle>")
            }
        }
        // Above and to the left: a curve that rises ever faster is not there. One for those that
        // lie close.
        var marked: [Double] = []
        for point in points.sorted(by: { $0.y > $1.y }) {
            guard let mark = point.mark, marked.allSatisfy({ abs($0 - place(point.x)) > 48 })
            else { continue }
            marked.append(place(point.x))
            parts.append(
                "<text class=\"mark\" text-anchor=\"end\" x=\"\(fixed(place(point.x) - 6, 1))\" "
                    + "y=\"\(fixed(level(point.y) - 12, 1))\">\(markup(mark))</text>")
        }
        parts.append("</svg>")
        return """
            <figure style="max-width: \(Int(width * 1.3))px"><figcaption>\(markup(title)) <span \
            class="unit">\(markup(y))</span></figcaption>
            \(parts.joined(separator: "\n"))
            \(legend)</figure>

            """
    }

    private var legend: String {
        guard lines.count > 1 else { return "" }
        let keys = lines.enumerated().map { line, name in
            "<span class=\"key \(Self.hue(line))\">\(markup(name))</span>"
        }
        return "<p class=\"legend\">\(keys.joined(separator: " "))</p>\n"
    }

    /// The classes of a line's colour; the style has six, those after them are dashed.
    private static func hue(_ line: Int) -> String { "h\(line % 6)\(line < 6 ? "" : " dashed")" }

    /// Powers of ten that span `low` to `high`, both above 0; where they are few, twice and five
    /// times them, where they are many, some of them.
    static func logarithmicTicks(_ low: Double, _ high: Double) -> [Double] {
        guard low > 0, high.isFinite, low <= high else { return [] }
        let factors = log10(high / low) < 1.5 ? [1.0, 2, 5] : [1]
        let first = Int(log10(low).rounded(.down))
        let decades = max(Int(log10(high).rounded(.up)), first + 1) - first
        let step = (decades + 5) / 6
        let count = (decades + step - 1) / step
        let marks = (0...count).flatMap { index in
            factors.map { $0 * pow(10, Double(first + index * step)) }
        }
        // As near around them as there are marks.
        let lower = marks.last { $0 <= low } ?? marks[0]
        guard let upper = marks.first(where: { $0 >= high && $0 > lower }) else { return marks }
        return marks.filter { $0 >= lower && $0 <= upper }
    }

    /// About `count` round numbers that span `low` to `high`.
    static func ticks(_ low: Double, _ high: Double, count: Int) -> [Double] {
        guard low.isFinite, high.isFinite, count > 0 else { return [] }
        let width = max(high - low, max(abs(high), 1e-9) * 1e-3)
        let rough = width / Double(count)
        let power = pow(10, log10(rough).rounded(.down))
        let step = [1, 2, 2.5, 5, 10].map { $0 * power }.first { $0 >= rough } ?? 10 * power
        let first = (low / step).rounded(.down)
        let last = max((high / step).rounded(.up), first + 1)
        guard last - first < 1000 else { return [low, high] }
        return (0...Int(last - first)).map { (first + Double($0)) * step }
    }
}
