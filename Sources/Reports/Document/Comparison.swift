import Documents

/// How a pruned model does beside the dense one. What is not finite is null in the report.
package struct Comparison: ReportPart, Hashable {
    package var perplexity: Perplexity?
    package var fidelity: Fidelity?
    package var choices: Choices?

    package init() {}

    package mutating func code(_ coder: inout NodeCoder) {
        coder.member("perplexity", &perplexity)
        coder.member("fidelity", &fidelity)
        coder.member("choices", &choices)
    }
}

extension Comparison {
    /// Errors are standard errors over windows; nil with a single one.
    package struct Perplexity: ReportPart, Hashable {
        /// NaN where it is no number that JSON can hold; nil in a report that does not say it.
        package private(set) var dense: Double?
        package private(set) var pruned: Double?
        package private(set) var denseError: Double?
        package private(set) var prunedError: Double?
        /// Of `pruned / dense`: smaller than the others suggest, for both models see the same
        /// windows.
        package private(set) var ratioError: Double?
        /// The mean losses in nats a token, of which the perplexities are the exponentials, with
        /// their errors.
        package private(set) var denseLoss: Estimate?
        package private(set) var prunedLoss: Estimate?
        /// In words, where they are no numbers that JSON can hold: everything else shows these
        /// words.
        package private(set) var denseText: String?
        package private(set) var prunedText: String?
        /// As written in the manifest.
        package var source: String?
        /// That were predicted.
        package var tokens: Int?
        /// Of a window, in tokens.
        package var length: Int?

        package init() {}

        package init(
            dense: Double, pruned: Double, denseError: Double?, prunedError: Double?,
            denseLoss: Estimate, prunedLoss: Estimate, ratioError: Double?
        ) {
            self.dense = dense
            self.pruned = pruned
            self.denseError = denseError
            self.prunedError = prunedError
            self.denseLoss = denseLoss
            self.prunedLoss = prunedLoss
            self.ratioError = ratioError
            denseText = Self.text(dense, denseLoss)
            prunedText = Self.text(pruned, prunedLoss)
        }

        package mutating func code(_ coder: inout NodeCoder) {
            coder.number("dense", &dense)
            coder.number("pruned", &pruned)
            coder.member("dense_standard_error", &denseError)
            coder.member("pruned_standard_error", &prunedError)
            coder.member("ratio_standard_error", &ratioError)
            coder.estimate("dense_loss", error: "dense_loss_standard_error", &denseLoss)
            coder.estimate("pruned_loss", error: "pruned_loss_standard_error", &prunedLoss)
            coder.rare("dense_text", &denseText)
            coder.rare("pruned_text", &prunedText)
            coder.rare("source", &source)
            coder.rare("tokens", &tokens)
            coder.rare("length", &length)
        }

        private static func text(_ perplexity: Double, _ loss: Estimate) -> String? {
            if perplexity.isFinite { return nil }
            return loss.mean.isFinite
                ? "over 1.8e308 (loss \(short(loss.mean)) nats)" : notFinite
        }
    }

    /// Whether the pruned model still does what the dense one did: over windows.
    package struct Likeness: ReportPart, Hashable {
        /// The share of tokens for which both models have the same most likely one.
        package var agreement: Estimate?
        /// KL(dense || pruned) of the next token, in nats.
        package var divergence: Estimate?

        package init() {}

        package init(agreement: Estimate, divergence: Estimate) {
            self.agreement = agreement
            self.divergence = divergence
        }

        package mutating func code(_ coder: inout NodeCoder) {
            coder.estimate("next_token_agreement", error: "agreement_standard_error", &agreement)
            coder.estimate("kl_divergence", error: "kl_standard_error", &divergence)
        }
    }

    package struct Fidelity: ReportPart, Hashable {
        package var likeness = Likeness()
        /// That were compared.
        package var tokens: Int?

        package init() {}

        package init(_ likeness: Likeness) { self.likeness = likeness }

        package mutating func code(_ coder: inout NodeCoder) {
            coder.members(of: &likeness)
            coder.rare("tokens", &tokens)
        }
    }

    /// Over questions.
    package struct Accuracy: ReportPart, Hashable {
        package private(set) var plain: Estimate?
        /// With log-likelihoods over the number of characters.
        package private(set) var normalised: Estimate?

        package init() {}

        package init(plain: Estimate, normalised: Estimate) {
            self.plain = plain
            self.normalised = normalised
        }

        package mutating func code(_ coder: inout NodeCoder) {
            coder.estimate("acc", error: "acc_standard_error", &plain)
            coder.estimate("acc_norm", error: "acc_norm_standard_error", &normalised)
        }
    }

    package struct Choices: ReportPart, Hashable {
        package private(set) var dense = Accuracy()
        package private(set) var pruned = Accuracy()
        /// Pruned less dense, question by question.
        package private(set) var change = Accuracy()
        /// As written in the manifest.
        package var source: String?
        package var questions: Int?

        package init() {}

        package init(dense: Accuracy, pruned: Accuracy, change: Accuracy) {
            self.dense = dense
            self.pruned = pruned
            self.change = change
        }

        package mutating func code(_ coder: inout NodeCoder) {
            coder.member("dense", &dense)
            coder.member("pruned", &pruned)
            coder.member("change", &change)
            coder.rare("source", &source)
            coder.rare("questions", &questions)
        }
    }
}
