import Tensors

/// A token whose likelihood is asked for.
package struct NextToken: Sendable, Hashable {
    /// Which of a model's matrices of hidden states.
    package let part: Int32
    package let token: Int32
    /// The row there of the token before it.
    package let row: Int

    package init(_ token: Int32, after row: Int, of part: Int) {
        self.part = Int32(part)
        self.token = token
        self.row = row
    }
}

/// What a model makes of a `NextToken`: its logits over the vocabulary, which are never whole in
/// memory, as far as they have gone by.
package struct TokenPrediction: Sendable, Hashable {
    /// The token with the largest logit, of equal ones the lowest.
    package private(set) var best: Int32 = 0
    /// Of the token that was asked for.
    private var logit: Float = 0
    private var normaliser = LogSumExp()
    private var divergence = DivergenceSum()

    /// Takes over the logits of tokens from `first` on, and, where there is a model to compare
    /// with, its logits of the same: row `row` of both.
    mutating func add(
        _ logits: MatrixView, row: Int, from first: Int, of token: Int32, reference: MatrixView?
    ) {
        if let place = normaliser.add(logits, row: row) { best = Int32(first + place) }
        let index = Int(token) - first
        if index >= 0, index < logits.columns { logit = logits[row, index] }
        if let reference { divergence.add(reference, logits, row: row) }
    }

    /// The negative log-likelihood of the token, in nats.
    package var loss: Double { normaliser.value - Double(logit) }

    /// KL(reference || this) over the whole vocabulary, in nats. `reference` is what the model said
    /// that this one was compared with.
    package func divergence(from reference: TokenPrediction) -> Double {
        divergence.value(reference.normaliser, normaliser)
    }
}
