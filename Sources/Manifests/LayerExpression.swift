import Expressions

/// A regular expression of `targets` or `ignore`, found anywhere in a layer's name.
package struct LayerExpression: Sendable {
    package let text: String
    private let expression: RegularExpression

    /// How many steps back may be taken for all expressions and names of a job: some seconds.
    private static let allSteps = 100_000_000

    package init(_ text: String) throws(ExpressionError) {
        self.text = text
        expression = try RegularExpression(text, .perl, bytes: 1000, parts: 10_000)
    }

    /// The most steps for one expression and one name, where so many pairs are to be matched.
    package static func steps(pairs: Int) -> Int {
        min(max(allSteps / max(1, pairs), 2000), 1_000_000)
    }

    /// - Throws: where more than `steps` would be needed to tell.
    package func isFound(in name: String, steps: Int) throws(ExpressionError) -> Bool {
        try expression.match(in: name.utf8Span.span, from: 0, steps: steps) != nil
    }
}
