import Documents

/// The mean of some values that were drawn independently, and how far it may be off.
package struct Estimate: Sendable, Hashable {
    package let mean: Double
    /// Of the mean: the sample's standard deviation (n - 1) over the square root of n. nil for a
    /// single value, which does not say how much another would differ.
    package let standardError: Double?

    package init(mean: Double, standardError: Double?) {
        self.mean = mean
        self.standardError = standardError
    }

    /// - Parameter values: at least one.
    package init(_ values: [Double]) {
        let count = Double(values.count)
        let mean = values.reduce(0, +) / count
        self.mean = mean
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        standardError = values.count > 1 ? (squares / (count - 1) / count).squareRoot() : nil
    }

    /// From a report; nil where `node` is none of its objects. What was not finite is null there.
    init?(_ node: Node?, _ name: String, error: String) {
        guard let node, node.members != nil else { return nil }
        self.init(mean: node[name]?.double ?? .nan, standardError: node[error]?.double)
    }
}
