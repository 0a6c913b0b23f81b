import COneDNN
import Dispatch
import Synchronization

/// Runs loops on at most `width` threads of Dispatch: all the CPU that a job takes.
///
/// Matrix products inside run on the thread that calls them. Iterations are handed out one by one,
/// so which thread runs which is open; what they compute must not depend on it.
package final class WorkerPool: Sendable {
    package let width: Int

    package init(width: Int) {
        precondition(width > 0, "a pool needs a thread")
        self.width = width
    }

    /// Calls `body` with every index of `0..<count`, in order on one thread, in any order on
    /// several, and returns when all are done. The first error stops further indices from being
    /// started and is thrown.
    package func forEach(
        _ count: Int, _ body: @Sendable (_ index: Int) throws -> Void
    ) throws {
        try forEach(count, state: { () }) { index, _ in try body(index) }
    }

    /// As above, with a state that each thread makes for itself: buffers that are used again and
    /// again, for one.
    package func forEach<State>(
        _ count: Int, state make: @Sendable () throws -> State,
        _ body: @Sendable (_ index: Int, _ state: inout State) throws -> Void
    ) throws {
        guard count > 0 else { return }
        let next = Atomic<Int>(0)
        let failure = Mutex<(any Error)?>(nil)
        let threads = min(width, count)
        @Sendable func work(_: Int) {
            // oneDNN's parallel regions are OpenMP's, whose width each thread keeps for itself.
            omp_set_num_threads(1)
            do {
                var state = try make()
                while true {
                    let index = next.add(1, ordering: .relaxed).oldValue
                    if index >= count { return }
                    try body(index, &state)
                }
            } catch {
                next.store(count, ordering: .relaxed)
                failure.withLock { $0 = $0 ?? error }
            }
        }
        if threads == 1 {
            work(0)
        } else {
            DispatchQueue.concurrentPerform(iterations: threads, execute: work)
        }
        if let error = failure.withLock({ $0 }) { throw error }
    }
}
