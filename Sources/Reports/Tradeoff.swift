import Glibc

/// Perplexity against the share of zeros for one method, the dense model first.
struct Tradeoff {
    struct Point {
        /// Of the blocks' weights, 0 to 1.
        let share: Double
        /// Infinite where it is not finite; `words` say which it is.
        let perplexity: Double
        var words: String?
        /// Against the dense model.
        var change: Measured?
        var multiplyAdds: Int?
        var bytes: Int?
        let output: String?
        /// What else was measured of it; nil of the dense model.
        var others: ReportDocument.Point?

        /// Standard error of the perplexity's distance from the dense model's.
        var error: Double? {
            let error = change.flatMap { change in
                change.error.map { $0 * perplexity / (1 + change.value) }
            }
            return error.flatMap { abs($0) < 1e300 ? $0 : nil }
        }
    }

    /// nil where the report has a single output.
    let method: String?
    /// In order of their shares, at least the dense model and one more.
    let points: [Point]

    /// One for each method, in the report's order; none where fewer than two perplexities are
    /// known.
    static func all(_ report: ReportDocument) -> [Tradeoff] {
        if report.curve.isEmpty {
            let point = report.perplexity?.prunedMeasured.map {
                Point(
                    share: report.cost.share, perplexity: $0.value, words: $0.words,
                    output: "this output")
            }
            return [Tradeoff(report, method: nil, [point].compactMap(\.self))].compactMap(\.self)
        }
        var methods: [String?] = []
        for point in report.curve where !methods.contains(point.method) {
            methods.append(point.method)
        }
        return methods.compactMap { method in
            let points = report.curve.filter { $0.method == method }.compactMap { point in
                point.perplexityMeasured.map {
                    Point(
                        share: Double(point.zeros) / Double(max(1, report.cost.weights)),
                        perplexity: $0.value, words: $0.words,
                        change: Measured.change(
                            dense: report.perplexity?.denseMeasured?.value, pruned: $0.value,
                            ratioError: point.ratioError),
                        multiplyAdds: point.multiplyAdds, bytes: point.bytes,
                        output: point.output, others: point)
                }
            }
            return Tradeoff(report, method: method, points)
        }
    }

    private init?(_ report: ReportDocument, method: String?, _ points: [Point]) {
        let dense = report.perplexity?.denseMeasured.map {
            Point(
                share: 0, perplexity: $0.value, words: $0.words,
                multiplyAdds: report.cost.multiplyAddsDense,
                bytes: report.cost.bytesDense, output: nil)
        }
        let known = ([dense].compactMap(\.self) + points).filter { $0.perplexity > 0 }
        guard known.count > 1 else { return nil }
        self.method = method
        self.points = known.sorted { $0.share < $1.share }
    }

    /// Where the curve bends: the point farthest below the straight line from the first to the
    /// last, in the logarithm of perplexity, which is a loss per token. nil with fewer than three
    /// points, or where none lies below. Source: Kneedle (Satopää et al. 2011).
    var knee: Int? {
        // What is not finite has no place on the curve.
        let finite = points.indices.filter { points[$0].perplexity.isFinite }
        guard finite.count > 2, let first = finite.first.map({ points[$0] }),
            let last = finite.last.map({ points[$0] })
        else { return nil }
        let (low, high) = (log(first.perplexity), log(last.perplexity))
        let width = last.share - first.share
        guard width > 0, high > low else { return nil }
        let gaps = finite.map { index in
            (points[index].share - first.share) / width
                - (log(points[index].perplexity) - low) / (high - low)
        }
        guard let best = gaps.indices.max(by: { gaps[$0] < gaps[$1] }), gaps[best] > 0.02 else {
            return nil
        }
        return finite[best]
    }
}
