/// Finds the weights of rows with the least scores: one thread's buffers.
///
/// Scores are |w_j| f_j in double precision, and of equal ones the one further left goes first. The
/// keys are 16 bits of the same in float32, counted from where the last row's search ended, for
/// rows are alike: sixteen are compared at a time, and counting passes narrow down the key of the
/// last to go as interpolation search does. Weights of lesser keys go; among those of that key and
/// its neighbours, some dozens, double precision decides. What is found never depends on luck, only
/// how fast.
package final class RowSelection {
    private let columns: Int
    /// A row's scores, `[columns]`, for the functions that say so. The others overwrite them.
    package let scores: Buffer<Double>
    private let keys: UnsafeMutablePointer<Int16>
    private let places: UnsafeMutablePointer<Int>
    /// Scores of the weights at `places`, room to reorder them, and which of them go.
    private let exact: UnsafeMutablePointer<Double>
    private let work: UnsafeMutablePointer<Double>
    private let chosen: UnsafeMutablePointer<UInt8>
    /// What the pointers point into.
    private let memory: (Buffer<Int16>, Buffer<Int>, Buffer<Double>, Buffer<UInt8>)

    /// Bits of the float32 that keys leave out: 4096 keys in each octave, eight octaves up and
    /// down.
    private static let fine: UInt32 = 11
    /// The same for keys that are enough for every float32.
    private static let coarse: UInt32 = 16

    /// The key, without a base, at which the last row's search ended.
    private var center: Int32?

    package init(columns: Int) {
        self.columns = columns
        scores = Buffer(count: columns)
        memory = (
            Buffer(count: columns), Buffer(count: columns), Buffer(count: columns),
            Buffer(count: columns)
        )
        keys = memory.0.start
        places = memory.1.start
        exact = scores.start
        work = memory.2.start
        chosen = memory.3.start
    }

    /// Sets row `place` of `mask`, `[rows, columns]`, to 1 at the `amount` least scores of row
    /// `row` of some weights and to 0 elsewhere.
    package func markLeast(
        _ amount: Int, of weights: MatrixView, row: Int, by factors: ColumnFactors,
        mask: inout MutableSpan<UInt8>, at place: Int
    ) {
        precondition(weights.columns == columns, "columns differ")
        mask.withRow(place, columns: columns) {
            markLeast(amount, of: weights.checkedRow(row), by: factors, mask: $0)
        }
    }

    /// The same of `scores`.
    package func markLeast(_ amount: Int, mask: inout MutableSpan<UInt8>, at place: Int) {
        mask.withRow(place, columns: columns) {
            Tensors.markLeast(
                amount, of: scores.start, count: columns, scratch: work, mask: $0)
        }
    }

    /// In every `group` consecutive ones of `scores` the `group - keep` least.
    package func markLeast(
        keep: Int, ofEvery group: Int, mask: inout MutableSpan<UInt8>, at place: Int
    ) {
        mask.withRow(place, columns: columns) {
            Tensors.markLeast(
                keep: keep, ofEvery: group, of: scores.start, count: columns, scratch: work,
                mask: $0)
        }
    }

    /// Those of `scores` that are less than `threshold`.
    package func markBelow(
        _ threshold: Double, mask: inout MutableSpan<UInt8>, at place: Int
    ) {
        let scores = scores.start
        mask.withRow(place, columns: columns) { mask in
            for j in 0..<columns { mask[j] = scores[j] < threshold ? 1 : 0 }
        }
    }

    /// weights, mask: `[columns]`.
    func markLeast(
        _ amount: Int, of weights: UnsafePointer<Float>, by factors: ColumnFactors,
        mask: UnsafeMutablePointer<UInt8>
    ) {
        precondition(factors.exact.count == columns, "columns differ")
        precondition(amount >= 0 && amount <= columns, "more to mark than there is")
        if amount == 0 || amount == columns {
            mask.update(repeating: amount == 0 ? 0 : 1, count: columns)
            return
        }
        guard let scaled = factors.scaled else {
            Tensors.score(weights, by: factors.exact, count: columns, into: exact)
            Tensors.markLeast(amount, of: exact, count: columns, scratch: work, mask: mask)
            return
        }
        let search = search(amount - 1, weights, scaled)
        // The key of a score and that of its float32 differ by one at most.
        let low = Int16(max(search.low - 1, -32768))
        let high = Int16(min(search.high, 32767))
        markKeys(below: low, through: high, keys, count: columns, into: mask)
        let count = collectUndecided(mask, count: columns, into: places)
        var certain = search.below
        factors.exact.withUnsafeBufferPointer { factors in
            for index in 0..<count {
                let j = places[index]
                certain -= Int(keys[j]) < search.low ? 1 : 0
                exact[index] = Double(weights[j].magnitude) * factors[j]
            }
        }
        Tensors.markLeast(
            amount - certain, of: exact, count: count, scratch: work, mask: chosen)
        for index in 0..<count { mask[places[index]] = chosen[index] }
    }

    /// Leaves the row's keys in `keys` and narrows down that of rank `rank`.
    private func search(
        _ rank: Int, _ weights: UnsafePointer<Float>, _ factors: UnsafePointer<Float>
    ) -> KeySearch {
        func search(shift: UInt32, base: Int32, expected: Int, step: Int) -> KeySearch {
            makeKeys(weights, factors, count: columns, shift: shift, base: base, into: keys)
            var search = KeySearch(rank: rank, count: columns, expected: expected, step: step)
            while let guess = search.guess {
                search.narrow(guess, below: countBelow(guess, keys, count: columns))
            }
            return search
        }
        if let center {
            let result = search(shift: Self.fine, base: center, expected: 0, step: 32)
            if result.isInside {
                self.center = center + Int32((result.low + result.high) / 2)
                return result
            }
        }
        let rough = search(shift: Self.coarse, base: 0, expected: 16384, step: 64)
        let base = Int32(max(0, rough.low)) << (Self.coarse - Self.fine)
        center = base
        return search(shift: Self.fine, base: base, expected: 0, step: 32)
    }
}
