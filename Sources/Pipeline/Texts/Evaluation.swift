import Transformer

/// What a pruned model is compared with the dense one on.
package struct Evaluation: Sendable {
    /// For perplexity and fidelity.
    package let windows: TokenWindows?
    /// For accuracy.
    package let questions: Questions?

    package init(windows: TokenWindows?, questions: Questions? = nil) {
        self.windows = windows
        self.questions = questions
    }

    /// All sequences that go through the models, the windows first.
    var sequences: [TokenWindows] { [windows].compactMap(\.self) + (questions?.batches ?? []) }

    /// Tokens of all of them, with what fills up the questions'.
    var tokens: Int { sequences.reduce(0) { $0 + $1.tokens.count } }

    /// How many tokens the windows predict.
    var windowTokens: Int { windows.map { $0.count * ($0.length - 1) } ?? 0 }

    /// How many tokens `nextTokens` has.
    var predictedTokens: Int { windowTokens + (questions?.continuations.count ?? 0) }

    /// The tokens whose likelihood is wanted: all of each window but the first, then those of the
    /// questions. Parts count `sequences`.
    var nextTokens: [NextToken] {
        var result: [NextToken] = []
        result.reserveCapacity(predictedTokens)
        if let windows {
            for row in windows.tokens.indices where (row + 1) % windows.length != 0 {
                result.append(NextToken(windows.tokens[row + 1], after: row, of: 0))
            }
        }
        let first = windows == nil ? 0 : 1
        for next in questions?.continuations ?? [] {
            result.append(NextToken(next.token, after: next.row, of: first + Int(next.part)))
        }
        return result
    }
}
