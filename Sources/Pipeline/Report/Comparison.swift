import Documents
import Reports

/// How a pruned model does beside the dense one.
package struct Comparison: Sendable, Hashable {
    /// Errors are standard errors over windows; nil with a single one.
    package struct Perplexity: Sendable, Hashable {
        package let dense: Double
        package let pruned: Double
        package let denseError: Double?
        package let prunedError: Double?
        /// The mean losses in nats a token, of which the perplexities are the exponentials, with
        /// their errors.
        package let denseLoss: Estimate
        package let prunedLoss: Estimate
        /// Of `pruned / dense`: smaller than the others suggest, for both models see the same
        /// windows.
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
            "dense_loss": Node(denseLoss.mean),
            "dense_loss_standard_error": number(denseLoss.standardError),
            "pruned_loss": Node(prunedLoss.mean),
            "pruned_loss_standard_error": number(prunedLoss.standardError),
        ])
        .setting("dense_text", to: denseText).setting("pruned_text", to: prunedText)
    }

    /// In words, where they are no numbers that JSON can hold: everything else shows these words.
    var denseText: String? { Self.text(dense, denseLoss) }
    var prunedText: String? { Self.text(pruned, prunedLoss) }

    private static func text(_ perplexity: Double, _ loss: Estimate) -> String? {
        if perplexity.isFinite { return nil }
        return loss.mean.isFinite
            ? "over 1.8e308 (loss \(short(loss.mean)) nats)" : notFinite
    }

    fileprivate init?(_ node: Node) {
        guard let dense = Estimate(node, "dense_loss", error: "dense_loss_standard_error"),
            let pruned = Estimate(node, "pruned_loss", error: "pruned_loss_standard_error")
        else { return nil }
        self.init(
            dense: node["dense"]?.double ?? .nan, pruned: node["pruned"]?.double ?? .nan,
            denseError: node["dense_standard_error"]?.double,
            prunedError: node["pruned_standard_error"]?.double,
            denseLoss: dense, prunedLoss: pruned,
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

extension Node {
    /// With a text, where there is one.
    fileprivate func setting(_ key: String, to text: String?) -> Node {
        text.map { setting(key, to: Node($0)) } ?? self
    }
}

private func number(_ value: Double?) -> Node { value.map { Node($0) } ?? .null }
