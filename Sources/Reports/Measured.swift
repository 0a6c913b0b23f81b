/// A number as people are shown it, with its standard error, where that is known.
struct Measured: Sendable {
    /// Infinite where there are words in its place.
    let value: Double
    let error: Double?
    /// What stands in place of a number that is not finite.
    var words: String?

    init(value: Double, error: Double?) {
        self.value = value
        self.error = error
    }

    /// nil where the report has none.
    init?(_ value: Double?, error: Double? = nil, words: String? = nil) {
        guard let value else { return nil }
        guard value.isFinite else {
            self.init(value: .infinity, error: nil)
            self.words = words ?? notFinite
            return
        }
        self.init(value: value, error: error)
    }

    init?(_ estimate: Estimate?) {
        self.init(estimate?.mean, error: estimate?.standardError)
    }

    /// What pruning adds to a perplexity, as a share of the dense model's.
    /// - Parameter ratioError: the standard error of pruned over dense.
    static func change(dense: Double?, pruned: Double, ratioError: Double?) -> Measured? {
        guard let dense, dense > 0, dense.isFinite, pruned.isFinite else { return nil }
        return Measured(value: pruned / dense - 1, error: ratioError)
    }

    /// Whether it is more than two standard errors away from 0: so far by chance once in twenty
    /// times. nil where there is no error.
    var isClear: Bool? { error.map { abs(value) > 2 * $0 } }

    /// `42.05 ± 0.87`
    var text: String { words ?? short(value) + (errorText.map { " ± " + $0 } ?? "") }

    /// The error with as many decimals as the value has in short, or more where it is smaller.
    var errorText: String? {
        guard let error else { return nil }
        let decimals = short(value).split(separator: ".").dropFirst().first?.utf8.count ?? 0
        let text = fixed(error, decimals)
        return error > 0 && trimmed(text) == "0" ? short(error, digits: 2) : text
    }

    /// A share of 1: `82.3 ± 0.3 %`.
    var percents: String { words ?? hundredths + " %" }

    /// A change of a share: `+3.0 ± 0.3`, in percent or in points.
    var change: String { words ?? (value > 0 ? "+" : "") + hundredths }

    private var hundredths: String {
        fixed(100 * value, 1) + (error.map { " ± " + fixed(100 * $0, 1) } ?? "")
    }
}

/// What was measured, as people are shown it.
extension Comparison.Perplexity {
    var denseMeasured: Measured? { Measured(dense, error: denseError, words: denseText) }

    var prunedMeasured: Measured? { Measured(pruned, error: prunedError, words: prunedText) }

    /// What pruning adds, as a share of the dense model's.
    var change: Measured? {
        prunedMeasured.flatMap {
            Measured.change(
                dense: denseMeasured?.value, pruned: $0.value, ratioError: ratioError)
        }
    }
}

extension Comparison.Fidelity {
    var agreement: Measured? { Measured(likeness.agreement) }

    var divergence: Measured? { Measured(likeness.divergence) }
}

extension Comparison.Choices {
    typealias Row = (name: String, plain: Measured?, normalised: Measured?)

    /// A row for each model, and one for the change.
    var rows: [Row] {
        [("dense", dense), ("pruned", pruned), ("change", change)].map { name, accuracy in
            (name, Measured(accuracy.plain), Measured(accuracy.normalised))
        }
    }
}
