import Tensors

/// The expected squared error of a layer's output over its expected square, against the sparsity of
/// its weights that went, the least errors first; inputs are taken as uncorrelated. It is convex.
package struct ErrorCurve: Sendable, Hashable {
    /// At equally spaced sparsities from 0 to 1.
    package let values: [Double]

    /// How many segments the curve of a layer has.
    package static let levels = 256

    /// - Parameter values: at least two.
    package init(_ values: [Double]) {
        precondition(values.count > 1, "a curve has two ends")
        self.values = values
    }

    package var segments: Int { values.count - 1 }

    /// The sparsities that a segment spans.
    func range(_ segment: Int) -> ClosedRange<Double> {
        Double(segment) / Double(segments)...Double(segment + 1) / Double(segments)
    }

    /// What the relative error grows by, per sparsity.
    func slope(_ segment: Int) -> Double {
        max(0, values[segment + 1] - values[segment]) * Double(segments)
    }
}

extension ErrorCurve {
    /// A weight's error is `w² var` where the mean of what goes moves into the bias, else `w²
    /// E[x²]`.
    ///
    /// - Parameter scope: rows by themselves lose their least; of a whole layer the errors are
    ///   counted in classes an eighth wide, so that they need not be sorted.
    package init(
        of layer: Linear, statistics: Statistics, isCentred: Bool, scope: Scope, pool: WorkerPool
    ) throws {
        let factors =
            isCentred
            ? statistics.variance : statistics.norm2.map { $0 / Double(max(1, statistics.tokens)) }
        let power = try Self.power(layer, statistics, pool: pool)
        let errors =
            switch scope {
            case .row: try Self.rowErrors(layer, factors, pool: pool)
            case .layer: try Self.layerErrors(layer, factors, pool: pool)
            }
        self.init(errors.map { power > 0 ? $0 / power : 0 })
    }

    /// The expected square of a layer's output without its bias, summed over its features.
    package static func power(
        _ layer: Linear, _ statistics: Statistics, pool: WorkerPool
    ) throws -> Double {
        try pool.sum(ofRows: layer.rows, from: 0.0, add: +=) { range in
            expectedPower(
                layer.weights.rows(range), mean: statistics.mean, variance: statistics.variance)
        }
    }

    private static func rowErrors(
        _ layer: Linear, _ factors: [Double], pool: WorkerPool
    ) throws -> [Double] {
        let zero = [Double](repeating: 0, count: levels + 1)
        return try pool.sum(
            ofRows: layer.rows, from: zero,
            state: { RowErrors(columns: layer.columns, levels: levels) }, add: addElements
        ) { range, errors in
            var part = zero
            errors.add(layer.weights.rows(range), factors: factors, to: &part)
            return part
        }
    }

    private static func layerErrors(
        _ layer: Linear, _ factors: [Double], pool: WorkerPool
    ) throws -> [Double] {
        let roots = factors.map { $0.squareRoot() }
        let counts = try digitCounts(layer, pool: pool) { scores, row in
            score(layer.weights.view, row: row, by: roots, into: scores)
        }
        var errors = [0.0]
        var (sum, below, digit) = (0.0, 0, 0)
        let count = layer.rows * layer.columns
        for level in 1...levels {
            let wanted = Double(count) * Double(level) / Double(levels)
            while digit < counts.count, Double(below + counts[digit]) <= wanted {
                if counts[digit] > 0 { sum += Double(counts[digit]) * square(ofDigit: digit) }
                below += counts[digit]
                digit += 1
            }
            let rest = max(0, wanted - Double(below))
            errors.append(rest > 0 ? sum + rest * square(ofDigit: digit) : sum)
        }
        return errors
    }

    /// Of a score in the middle of those that begin with these 16 bits.
    private static func square(ofDigit digit: Int) -> Double {
        if digit == 0 { return 0 }
        let middle = Double(bitPattern: UInt64(digit) << 48 | 1 << 47)
        return middle * middle
    }
}
