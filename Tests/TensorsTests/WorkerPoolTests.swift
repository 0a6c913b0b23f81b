import Glibc
import Synchronization
import Tensors
import TestSupport
import Testing

struct WorkerPoolTests {
    struct Failure: Error, Equatable { let index: Int }

    @Test(arguments: [1, 2, 3, 8], [0, 1, 2, 7, 1000])
    func everyIndexOnce(_ width: Int, _ count: Int) throws {
        let seen = Mutex([Int](repeating: 0, count: count))
        try WorkerPool(width: width).forEach(count) { index in seen.withLock { $0[index] += 1 } }
        #expect(seen.withLock { $0 } == [Int](repeating: 1, count: count))
    }

    @Test func oneThread_goesInOrder() throws {
        let seen = Mutex([Int]())
        try WorkerPool(width: 1).forEach(100) { index in seen.withLock { $0.append(index) } }
        #expect(seen.withLock { $0 } == Array(0..<100))
    }

    /// As many states as threads at most, and never more bodies at a time.
    @Test(arguments: [1, 2, 4])
    func width_isRespected(_ width: Int) throws {
        let made = Atomic<Int>(0)
        let running = Atomic<Int>(0)
        let most = Mutex(0)
        try WorkerPool(width: width).forEach(
            60, state: { made.add(1, ordering: .relaxed).newValue }
        ) { _, state in
            let now = running.add(1, ordering: .sequentiallyConsistent).newValue
            most.withLock { $0 = max($0, now) }
            usleep(500)
            #expect(state >= 1 && state <= width)
            running.subtract(1, ordering: .sequentiallyConsistent)
        }
        #expect(most.withLock { $0 } <= width)
        #expect(made.load(ordering: .relaxed) <= width)
    }

    @Test func state_isKeptBetweenIndices() throws {
        let sums = Mutex([Int]())
        final class Sum: Sendable {
            let value = Mutex(0)
        }
        try WorkerPool(width: 2).forEach(
            100,
            state: {
                sums.withLock { $0.append(0) }
                return (place: sums.withLock { $0.count - 1 }, sum: 0)
            }
        ) { index, state in
            state.sum += index
            let (place, sum) = state
            sums.withLock { $0[place] = max($0[place], sum) }
        }
        #expect(sums.withLock { $0.count } <= 2)
        #expect(sums.withLock { $0.max() ?? 0 } > 99)
    }

    @Test(arguments: [1, 2, 3])
    func error_endsTheLoop(_ width: Int) throws {
        let started = Atomic<Int>(0)
        #expect(throws: Failure(index: 5)) {
            try WorkerPool(width: width).forEach(100_000) { index in
                started.add(1, ordering: .relaxed)
                if index == 5 { throw Failure(index: 5) }
                usleep(100)
            }
        }
        #expect(started.load(ordering: .relaxed) < 1000)
    }

    @Test func errorOfTheState_isThrown() {
        #expect(throws: Failure(index: -1)) {
            try WorkerPool(width: 2).forEach(
                10, state: { () throws -> Int in throw Failure(index: -1) }
            ) {
                _, _ in
            }
        }
    }

    @Test(arguments: 0..<10)
    func orderedReduction_combinesInOrder(_ seed: Int) {
        var random = Seeded(UInt64(seed))
        let order = Array(0..<200).shuffled(using: &random)
        let seen = Mutex([Int]())
        let reduction = OrderedReduction<Int> { part in seen.withLock { $0.append(part) } }
        try? WorkerPool(width: 4).forEach(200) { index in
            reduction.add(order[index] * 3, at: order[index])
        }
        #expect(seen.withLock { $0 } == (0..<200).map { $0 * 3 })
    }
}
