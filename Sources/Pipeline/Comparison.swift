import Documents

/// How a pruned model does beside the dense one.
package struct Comparison: Sendable, Hashable {
    /// Errors are standard errors over windows; nil with a single one.
    package struct Perplexity: Sendable, Hashable {
        package let dense: Double
        package let pruned: Double
        package let denseError: Double?
        package let prunedError: Double?
        /// Of `pruned / dense`: smaller than the others suggest, for both models see the same windows.
        package let ratioError: Double?
    }

    /// Over windows.
    package struct Fidelity: Sendable, Hashable {
        /// The share of tokens for which both models have the same most likely one.
        package let agreement: Estimate
        /// KL(dense || pruned) of the next token, in nats.
        package let divergence: Estimate
    }

    /// Over questions.
    package struct Accuracy: Sendable, Hashable {
        package let plain: Estimate
        /// With log-likelihoods over the number of characters.
        package let normalised: Estimate
    }

    package struct Choices: Sendable, Hashable {
        package let dense: Accuracy
        package let pruned: Accuracy
        /// Pruned less dense, question by question.
        package let change: Accuracy
    }

    package var perplexity: Perplexity?
    package var fidelity: Fidelity?
    package var choices: Choices?
}

/// As it stands in the report. What is not finite is null there.
extension Comparison {
    var node: Node {
        .object([
            "perplexity": perplexity?.node ?? .null, "fidelity": fidelity?.node ?? .null,
            "choices": choices?.node ?? .null,
        ])
    }

    /// nil where `node` is something else.
    init?(_ node: Node) {
        guard node.members != nil else { return nil }
        perplexity = node["perplexity"].flatMap(Perplexity.init)
        fidelity = node["fidelity"].flatMap(Fidelity.init)
        choices = node["choices"].flatMap(Choices.init)
    }
}

extension Comparison.Perplexity {
    var node: Node {
        .object([
            "dense": Node(dense), "pruned": Node(pruned),
            "dense_standard_error": number(denseError),
            "pruned_standard_error": number(prunedError),
            "ratio_standard_error": number(ratioError),
        ])
    }

    fileprivate init?(_ node: Node) {
        guard node.members != nil else { return nil }
        self.init(
            dense: node["dense"]?.double ?? .nan, pruned: node["pruned"]?.double ?? .nan,
            denseError: node["dense_standard_error"]?.double,
            prunedError: node["pruned_standard_error"]?.double,
            ratioError: node["ratio_standard_error"]?.double)
    }
}

extension Comparison.Fidelity {
    var node: Node {
        .object([
            "next_token_agreement": Node(agreement.mean),
            "agreement_standard_error": number(agreement.standardError),
            "kl_divergence": Node(divergence.mean),
            "kl_standard_error": number(divergence.standardError),
        ])
    }

    fileprivate init?(_ node: Node) {
        guard
            let agreement = Estimate(
                node, "next_token_agreement", error: "agreement_standard_error"),
            let divergence = Estimate(node, "kl_divergence", error: "kl_standard_error")
        else { return nil }
        self.init(agreement: agreement, divergence: divergence)
    }
}

extension Comparison.Accuracy {
    var node: Node {
        .object([
            "acc": Node(plain.mean), "acc_standard_error": number(plain.standardError),
            "acc_norm": Node(normalised.mean),
            "acc_norm_standard_error": number(normalised.standardError),
        ])
    }

    fileprivate init?(_ node: Node?) {
        guard let plain = Estimate(node, "acc", error: "acc_standard_error"),
            let normalised = Estimate(node, "acc_norm", error: "acc_norm_standard_error")
        else { return nil }
        self.init(plain: plain, normalised: normalised)
    }
}

extension Comparison.Choices {
    var node: Node {
        .object(["dense": dense.node, "pruned": pruned.node, "change": change.node])
    }

    fileprivate init?(_ node: Node) {
        guard let dense = Comparison.Accuracy(node["dense"]),
            let pruned = Comparison.Accuracy(node["pruned"]),
            let change = Comparison.Accuracy(node["change"])
        else { return nil }
        self.init(dense: dense, pruned: pruned, change: change)
    }
}

private func number(_ value: Double?) -> Node { value.map { Node($0) } ?? .null }
