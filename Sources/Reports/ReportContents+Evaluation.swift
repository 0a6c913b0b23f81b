import Documents

/// What was measured of dense and pruned model.
extension ReportContents {
    /// A number with its standard error, where that is known.
    struct Measured: Sendable {
        let value: Double
        let error: Double?
        /// What the report says in place of a number: the value is not finite then.
        var words: String?
    }

    struct Perplexity: Sendable {
        let dense: Measured?
        let pruned: Measured?
        /// Mean losses in nats a token.
        let denseLoss: Measured?
        let prunedLoss: Measured?
        /// Of pruned over dense.
        let ratioError: Double?
        let tokens: Int?
        let length: Int?
        let source: String?

        /// What pruning adds, as a share of the dense model's.
        var change: Measured? {
            pruned.flatMap {
                Self.change(dense: dense?.value, pruned: $0.value, ratioError: ratioError)
            }
        }

        static func change(dense: Double?, pruned: Double, ratioError: Double?) -> Measured? {
            guard let dense, dense > 0, dense.isFinite, pruned.isFinite else { return nil }
            return Measured(value: pruned / dense - 1, error: ratioError)
        }
    }

    struct Fidelity: Sendable {
        let agreement: Measured?
        let divergence: Measured?
        let tokens: Int?
    }

    struct Questions: Sendable {
        /// A row for each model, and one for the change.
        let rows: [(name: String, plain: Measured?, normalised: Measured?)]
        let count: Int
        let source: String?
    }
}

extension ReportContents.Measured {
    init?(_ node: Node?, _ key: String, error: String) {
        guard let value = node?[key]?.double else { return nil }
        self.init(value: value, error: node?[error]?.double)
    }

    /// Of something that was measured: null then stands for what is not finite.
    init?(measured node: Node?, _ key: String, error: String, words: String? = nil) {
        if let value = node?[key], value.isNull {
            let text = words.flatMap { node?[$0]?.string } ?? notFinite
            self.init(value: .infinity, error: nil, words: text)
        } else {
            self.init(node, key, error: error)
        }
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

extension ReportContents.Perplexity {
    init?(_ node: Node) {
        guard node.members != nil else { return nil }
        self.init(
            dense: .init(
                measured: node, "dense", error: "dense_standard_error", words: "dense_text"),
            pruned: .init(
                measured: node, "pruned", error: "pruned_standard_error", words: "pruned_text"),
            denseLoss: .init(measured: node, "dense_loss", error: "dense_loss_standard_error"),
            prunedLoss: .init(measured: node, "pruned_loss", error: "pruned_loss_standard_error"),
            ratioError: node["ratio_standard_error"]?.double, tokens: node["tokens"]?.integer,
            length: node["length"]?.integer, source: node["source"]?.string)
    }
}

extension ReportContents.Fidelity {
    /// - Parameter isMeasured: null stands for what is not finite, not for what was not measured.
    init?(_ node: Node, isMeasured: Bool = true) {
        guard node.members != nil else { return nil }
        guard isMeasured else {
            self.init(agreement: nil, divergence: nil, tokens: nil)
            return
        }
        self.init(
            agreement: .init(
                measured: node, "next_token_agreement", error: "agreement_standard_error"),
            divergence: .init(measured: node, "kl_divergence", error: "kl_standard_error"),
            tokens: node["tokens"]?.integer)
    }
}

extension ReportContents.Questions {
    init?(_ node: Node) {
        guard let count = node["questions"]?.integer else { return nil }
        self.init(
            rows: ["dense", "pruned", "change"].map { name in
                (
                    name, .init(measured: node[name], "acc", error: "acc_standard_error"),
                    .init(measured: node[name], "acc_norm", error: "acc_norm_standard_error")
                )
            }, count: count, source: node["source"]?.string)
    }
}
