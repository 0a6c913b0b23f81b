import Dispatch
import Synchronization

/// Writes results in the order in which they are handed in, while the job goes on to compute.
///
/// It takes one thread beside those of the `WorkerPool`, which waits for the disk most of the time:
/// encoding and copying a block's weights costs less than a hundredth of what computing the block
/// costs with any calibration worth the name, so it is not counted against `limits.threads`. What
/// waits here is bounded by the owner, who calls `drain` once for each block.
final class WriteBehind: Sendable {
    /// Called between pieces of work, with nothing but the chance to throw.
    typealias Check = () throws -> Void

    private struct Ended: Error {}

    private let queue = DispatchQueue(label: "stade.write")
    /// The first, after which nothing is written any more.
    private let failure = Mutex<(any Error)?>(nil)
    private let watch: Watch
    /// How many snapshots are under way. What they need must be written, even if the job stops.
    private let holds = Mutex(0)

    init(_ watch: Watch) { self.watch = watch }

    /// From here until `release`, a stop of the job does not end what is written.
    func hold() { holds.withLock { $0 += 1 } }

    func release() { holds.withLock { $0 -= 1 } }

    /// Hands in work, which is to call its argument now and then.
    /// - Throws: what earlier work has failed with.
    func add(_ work: @escaping @Sendable (Check) throws -> Void) throws {
        try throwFailure()
        queue.async { [self] in
            do {
                try throwFailure()
                try work {
                    try throwFailure()
                    if holds.withLock({ $0 == 0 }) { try watch.checkStop() }
                }
            } catch {
                failure.withLock { $0 = $0 ?? error }
            }
        }
    }

    /// Waits until everything is written and nothing of it is in memory.
    /// - Throws: what any of it has failed with.
    func drain() throws {
        queue.sync {}
        try throwFailure()
    }

    /// Drops what has not begun, and returns once nothing is written any more, for good.
    func end() {
        failure.withLock { $0 = $0 ?? Ended() }
        queue.sync {}
    }

    private func throwFailure() throws {
        if let failure = failure.withLock({ $0 }) { throw failure }
    }
}
