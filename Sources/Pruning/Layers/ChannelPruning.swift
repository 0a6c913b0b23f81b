import Tensors

/// Takes whole columns out of a layer, in memory: the channels of a feed-forward, the heads of
/// attention. The layers before it lose the rows that gave these columns their input.
///
/// Source: `docs/methods.md`, `channels`.
package struct ChannelPruning: Sendable {
    /// How what is left is made up for, rounded and named.
    package var layer: LayerPruning
    /// Neighbouring columns that go together; divides the columns.
    package var size: Int
    /// Groups of them that stay.
    package var kept: Int

    /// - Parameters:
    ///   - name, metric, compensation, seed, type: as of `LayerPruning`.
    package init(
        name: String, metric: Metric, compensation: Compensation, size: Int, kept: Int,
        seed: UInt64, type: ElementType
    ) {
        layer = LayerPruning(
            name: name, metric: metric, compensation: compensation, pattern: .channels,
            sparsity: 0, scope: .row, seed: seed, type: type)
        self.size = size
        self.kept = kept
    }

    /// Zeroes the columns that go, changes the others, and rounds, all in place; the bias is left
    /// to the caller, who adds `biasChange`. Where all stay, nothing is changed. `statistics` as
    /// for `LayerPruning.apply`.
    /// - Returns: the columns that stay, ascending, and what was done to the layer: its mask and
    ///   zeros are the columns that went.
    package func apply(
        to linear: Linear, statistics: Statistics?, pool: WorkerPool
    ) throws -> (columns: [Int], outcome: LayerPruning.Outcome) {
        let groups = linear.columns / size
        precondition(linear.columns % size == 0 && kept <= groups, "no such groups")
        if kept == groups {
            return (Array(0..<linear.columns), untouched(linear, statistics))
        }
        let outputs = try OutputSketch(linear, statistics, pool: pool)
        var (columns, outcome) = try takeOut(linear, statistics: statistics, pool: pool)
        outcome.measuredError = try outputs?.error(
            of: linear, biasChange: outcome.biasChange, pool: pool)
        return (columns, outcome)
    }

    private func takeOut(
        _ linear: Linear, statistics: Statistics?, pool: WorkerPool
    ) throws -> (columns: [Int], outcome: LayerPruning.Outcome) {
        let groups = linear.columns / size
        guard let solver = layer.metric.solver else {
            let scores = try scores(linear, statistics: statistics, pool: pool)
            let order = scores.indices.sorted { (scores[$0], $0) < (scores[$1], $1) }
            let columns = columns(Set(order.prefix(groups - kept)), of: groups)
            let mask = Self.mask(rows: linear.rows, columns: linear.columns, columns)
            let norms = Self.columnNorms(linear)
            let outcome = try layer.compensate(
                linear, statistics: statistics, mask: mask,
                biasShare: statistics?.biasShare(columnNorms: norms),
                carried: layer.carriedMean(linear, statistics, mask: mask, pool: pool), pool: pool)
            return (columns, outcome)
        }
        precondition(
            solver == .elimination(size: size), "\(layer.metric.name) takes no whole columns out")
        guard let statistics, let covariance = statistics.covariance else {
            preconditionFailure("\(layer.metric.name) needs the covariance")
        }
        return try eliminate(linear, statistics, covariance, pool: pool)
    }

    /// The squared scores of all weights of a group, summed.
    private func scores(
        _ linear: Linear, statistics: Statistics?, pool: WorkerPool
    ) throws -> [Double] {
        let columns = linear.columns
        let scores = Scores(
            layer, statistics: statistics, columns: columns, carried: layer.carriedByDefault)
        var totals = [Double](repeating: 0, count: columns)
        let row = Buffer<Double>(count: columns)
        for index in 0..<linear.rows {
            scores.fill(row, weights: linear.weights.view, row: index)
            addSquares(row, to: &totals)
        }
        return (0..<(columns / size)).map { group in
            totals[(group * size)..<((group + 1) * size)].reduce(0, +)
        }
    }

    /// By least squares on the covariance of the input: what costs least goes, some columns at a
    /// time, and the others are solved for.
    private func eliminate(
        _ linear: Linear, _ statistics: Statistics, _ covariance: InputCovariance, pool: WorkerPool
    ) throws -> (columns: [Int], outcome: LayerPruning.Outcome) {
        let groups = linear.columns / size
        let norms = Self.columnNorms(linear)
        let dense = Matrix(rows: linear.rows, columns: linear.columns)
        dense.copy(from: linear.weights)
        let aimed = try LayerPruning.aim(
            linear.weights, statistics, covariance, isCentred: layer.compensation.needsBias,
            isScaled: false, pool: pool)
        let elimination = covariance.elimination(
            of: linear.weights, isCentred: layer.compensation.needsBias)
        var gone: Set<Int> = []
        while gone.count < groups - kept {
            let losses = try elimination.losses(size: size, pool: pool)
            let count = min(Self.atOnce(groups: groups, size: size), groups - kept - gone.count)
            let least = losses.indices.sorted { (losses[$0], $0) < (losses[$1], $1) }.prefix(count)
            let columns = least.sorted().flatMap { ($0 * size)..<(($0 + 1) * size) }
            try elimination.remove(columns, pool: pool)
            gone.formUnion(least)
        }
        elimination.store(into: linear.weights)
        let columns = columns(gone, of: groups)
        var outcome = try layer.weigh(
            linear, dense: dense, aimed: aimed,
            mask: Self.mask(rows: linear.rows, columns: linear.columns, columns),
            statistics: statistics, covariance: covariance, pool: pool)
        outcome.damping = elimination.damping
        outcome.biasShare = statistics.biasShare(columnNorms: norms)
        return (columns, outcome)
    }

    /// Groups that go before the others are solved for again: the 64th part of them, but of wide
    /// ones one.
    static func atOnce(groups: Int, size: Int) -> Int { size > 1 ? 1 : max(1, groups / 64) }

    /// The columns of all groups but `gone`.
    private func columns(_ gone: Set<Int>, of groups: Int) -> [Int] {
        (0..<groups).filter { !gone.contains($0) }.flatMap { ($0 * size)..<(($0 + 1) * size) }
    }

    private func untouched(_ linear: Linear, _ statistics: Statistics?) -> LayerPruning.Outcome {
        var outcome = LayerPruning.Outcome(
            zeros: 0, mask: [UInt8](repeating: 0, count: linear.rows * linear.columns))
        let none = [Float](repeating: 0, count: linear.rows)
        if layer.compensation.needsBias { outcome.biasChange = none }
        if layer.compensation.fitsScale {
            outcome.scales = none.map { _ in 1 }
        }
        if let statistics {
            outcome.biasShare = statistics.biasShare(columnNorms: Self.columnNorms(linear))
            outcome.expectedError = 0
            outcome.measuredError = statistics.sketch.map { _ in 0 }
        }
        return outcome
    }

    private static func columnNorms(_ linear: Linear) -> [Double] {
        var norms = [Double](repeating: 0, count: linear.columns)
        addSquares(linear.weights.view, to: &norms)
        return norms
    }

    /// 1 in every row but in the columns that stay.
    private static func mask(rows: Int, columns: Int, _ kept: [Int]) -> [UInt8] {
        var row = [UInt8](repeating: 1, count: columns)
        for column in kept { row[column] = 0 }
        var mask: [UInt8] = []
        mask.reserveCapacity(rows * columns)
        for _ in 0..<rows { mask += row }
        return mask
    }

    /// The outcome of a layer that loses the rows that are not `kept`, for its columns' sake.
    package static func rows(
        kept: [Int], of linear: Linear, statistics: Statistics?
    ) -> LayerPruning.Outcome {
        var mask = [UInt8](repeating: 1, count: linear.rows * linear.columns)
        for row in kept {
            for index in (row * linear.columns)..<((row + 1) * linear.columns) { mask[index] = 0 }
        }
        var outcome = LayerPruning.Outcome(
            zeros: (linear.rows - kept.count) * linear.columns, mask: mask)
        outcome.biasShare = statistics?.biasShare(columnNorms: columnNorms(linear))
        return outcome
    }
}
