/// What competes for the budget of zeros of an unstructured pattern.
package enum Scope: String, Sendable, Hashable, CaseIterable {
    /// Each row (one output feature) loses the same share.
    case row
    /// The whole layer loses that share, wherever its least weights are.
    case layer
}
