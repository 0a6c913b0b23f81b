import Synchronization
import Tensors
import TestSupport
import Testing

struct InverseFactorTests {
    /// `count` of them from one input, taken in turns of the order by the threads.
    private func factors(orders: [Int], count: Int, threads: Int) throws -> [[UInt64]] {
        let sums = orders.map { order in
            var random = Seeded(31)
            let x = random.matrix(2 * order, order)
            let sum = CovarianceSum(features: order)
            sum.add(x.view, at: 0)
            var moments = Moments(features: order)
            moments.add(x.view)
            return sum.finish(moments)
        }
        let results = Mutex([[UInt64]](repeating: [], count: count))
        try WorkerPool(width: threads).forEach(count) { index in
            let sum = sums[index % sums.count]
            let factor = InverseFactor(of: sum, tokens: 2 * sum.order, mean: nil, damping: 0.01)
            #expect(factor.damping == 0.01)
            // Only the upper triangle has meaning.
            let bits = (0..<sum.order).flatMap { i in
                (i..<sum.order).map { factor.upper.row(i)[$0].bitPattern }
            }
            results.withLock { $0[index] = bits }
        }
        return results.withLock { $0 }
    }

    /// Libraries have been found to share a buffer between the threads that call them.
    @Test func factors_areTheSameBitsFromManyThreadsAtOnce() throws {
        let orders = [24, 33, 40]
        let alone = try factors(orders: orders, count: 3, threads: 1)
        let together = try factors(orders: orders, count: 1500, threads: 4)
        for (index, factor) in together.enumerated() {
            #expect(factor == alone[index % 3], "factor \(index)")
        }
    }
}
