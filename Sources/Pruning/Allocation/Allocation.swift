import Tensors

/// How the zeros of an unstructured pattern are shared out among a model's layers.
/// `docs/methods.md` has each in full.
package enum Allocation: String, Sendable, Hashable, CaseIterable {
    /// Every layer has the same sparsity.
    case uniform
    /// Blocks with more outliers among their scores lose less. Source: OWL (arXiv 2310.05175).
    case owl
    /// What the last weight to go adds to a layer's expected relative error is the same in every
    /// layer.
    case error

    /// What a layer's sparsity may be where the manifest does not say: not far from the mean, for
    /// the expected error of a layer says little of what a very different one does to the model.
    package func bounds(around sparsity: Double) -> ClosedRange<Double> {
        // OWL's sparsities are less than 0.16 from their mean.
        let reach = self == .owl ? 0.2 : 0.1
        return max(0, sparsity - reach)...max(sparsity, min(0.95, sparsity + reach))
    }

    /// OWL's sparsities from the outliers of each block.
    ///
    /// - Parameters:
    ///   - outliers: the fraction of each block's scores that are greater than five times their
    ///     mean.
    ///   - weights: how many weights of each block are to be pruned from.
    ///   - total: the sparsity of all weights.
    /// - Returns: each block's sparsity. Their mean, by weights, is `total` where `bounds` hold it.
    package static func owl(
        outliers: [Double], weights: [Int], total: Double, bounds: ClosedRange<Double>
    ) -> [Double] {
        guard let least = outliers.min(), let most = outliers.max() else { return [] }
        let width = most - least
        // Twice the published code's Lamda.
        let spared = outliers.map { width > 0 ? ($0 - least) / width * 0.16 : 0 }
        return sparsities(weights: weights, total: total) { level in
            spared.map { min(max(level - $0, bounds.lowerBound), bounds.upperBound) }
        }
    }

    /// Finds the level at which the sparsities have their mean at `total`: it grows with the level.
    private static func sparsities(
        weights: [Int], total: Double, at level: (Double) -> [Double]
    ) -> [Double] {
        let all = Double(weights.reduce(0, +))
        func mean(_ sparsities: [Double]) -> Double {
            zip(sparsities, weights).reduce(0) { $0 + $1.0 * Double($1.1) } / all
        }
        var (low, high) = (-1.0, 3.0)
        while true {
            let middle = low + (high - low) / 2
            if middle <= low || middle >= high { return level(high) }
            if mean(level(middle)) < total { low = middle } else { high = middle }
        }
    }

    /// The sparsities with the least sum of relative errors, one Lagrange multiplier for all
    /// layers: of the curves' segments the cheapest per weight are taken first, until the total is
    /// reached.
    ///
    /// - Parameters:
    ///   - importance: what each layer's relative error is multiplied by.
    ///   - weights: how many weights each layer has.
    /// - Returns: each layer's sparsity. Their mean, by weights, is `total` where `bounds` hold it.
    package static func leastError(
        curves: [ErrorCurve], importance: [Double], weights: [Int], total: Double,
        bounds: ClosedRange<Double>
    ) -> [Double] {
        struct Segment {
            let layer: Int
            /// Part of the layer's weights.
            let sparsity: Double
            /// Relative error that each weight adds.
            let cost: Double
        }
        var segments: [Segment] = []
        for (layer, curve) in curves.enumerated() {
            for index in 0..<curve.segments {
                let part = curve.range(index).clamped(to: bounds)
                let sparsity = part.upperBound - part.lowerBound
                guard sparsity > 0 else { continue }
                segments.append(
                    Segment(
                        layer: layer, sparsity: sparsity,
                        cost: importance[layer] * curve.slope(index)
                            / Double(max(1, weights[layer]))))
            }
        }
        // Slopes of a layer never fall; where they are equal, its segments stay in their order.
        segments = segments.enumerated().sorted {
            ($0.element.cost, $0.offset) < ($1.element.cost, $1.offset)
        }.map(\.element)
        let all = Double(weights.reduce(0, +))
        var sparsities = [Double](repeating: bounds.lowerBound, count: curves.count)
        var left = (total - bounds.lowerBound) * all
        for segment in segments where left > 0 {
            let size = segment.sparsity * Double(weights[segment.layer])
            let taken = min(size, left)
            sparsities[segment.layer] += segment.sparsity * taken / size
            left -= taken
        }
        return sparsities
    }

    /// The same sparsities in whole columns, for each row loses whole weights: what one layer gets
    /// too much or too little the next ones make up for, and where bounds keep them from it any
    /// that has room.
    package static func wholeColumns(
        _ sparsities: [Double], shapes: [Shape], bounds: ClosedRange<Double>
    ) -> [Double] {
        let ranges = shapes.map { shape in
            let least = (bounds.lowerBound * Double(shape.columns) - 1e-9).rounded(.up)
            let most = (bounds.upperBound * Double(shape.columns) + 1e-9).rounded(.down)
            return least...max(least, most)
        }
        var owed = 0.0
        var counts = sparsities.indices.map { layer in
            let (rows, columns) = (Double(shapes[layer].rows), Double(shapes[layer].columns))
            let wanted = sparsities[layer] * rows * columns + owed
            let range = ranges[layer]
            let count = min(max((wanted / rows).rounded(), range.lowerBound), range.upperBound)
            owed = wanted - count * rows
            return count
        }
        var isDone = false
        while !isDone {
            isDone = true
            for layer in counts.indices where abs(owed) > Double(shapes[layer].rows) / 2 {
                let count = counts[layer] + (owed > 0 ? 1 : -1)
                guard ranges[layer].contains(count) else { continue }
                owed -= (count - counts[layer]) * Double(shapes[layer].rows)
                counts[layer] = count
                isDone = false
            }
        }
        return zip(counts, shapes).map { $0 / Double($1.columns) }
    }
}
