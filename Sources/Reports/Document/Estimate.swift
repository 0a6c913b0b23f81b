import Documents

/// The mean of some values that were drawn independently, and how far it may be off.
package struct Estimate: Sendable, Hashable {
    /// NaN where it is not known, or no number that JSON can hold.
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
}

extension NodeCoder {
    /// A number that is null where it is not finite; nil where its key is absent.
    mutating func number(_ key: String, _ value: inout Double?) {
        var node = value.map { Node($0) }
        rare(key, &node)
        if isReading { value = node.flatMap { $0.isNull ? .nan : $0.double } }
    }

    /// A mean and its standard error under keys of their own; nil where the first is absent.
    mutating func estimate(
        _ key: String, error errorKey: String, _ estimate: inout Estimate?
    ) {
        var (mean, error) = (estimate?.mean, estimate?.standardError)
        number(key, &mean)
        if mean != nil || !isWriting { member(errorKey, &error) }
        if isReading { estimate = mean.map { Estimate(mean: $0, standardError: error) } }
    }
}
