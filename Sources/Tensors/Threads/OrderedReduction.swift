import Synchronization

/// Combines the parts of a loop in the order of their indices, whichever thread finishes first, so
/// that sums come out the same bits for any number of threads.
package final class OrderedReduction<Part: Sendable>: Sendable {
    private struct State {
        var next = 0
        var waiting: [Int: Part] = [:]
    }

    private let state = Mutex(State())
    private let combine: @Sendable (Part) -> Void

    /// `combine` is called with one part after the other, never twice at the same time.
    package init(_ combine: @escaping @Sendable (Part) -> Void) { self.combine = combine }

    /// Hands in the part of `index`; each index from 0 on once.
    package func add(_ part: Part, at index: Int) {
        state.withLock { state in
            state.waiting[index] = part
            while let part = state.waiting.removeValue(forKey: state.next) {
                combine(part)
                state.next += 1
            }
        }
    }
}
