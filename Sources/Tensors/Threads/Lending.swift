import Synchronization

/// Buffers for threads, which are made where none is free, and used again by whoever comes next.
package final class Lending<Buffers: Sendable>: Sendable {
    /// Buffers that one thread has until it lets go of this.
    package final class Loan: Sendable {
        package let buffers: Buffers
        private let lender: Lending

        fileprivate init(_ buffers: Buffers, of lender: Lending) {
            self.buffers = buffers
            self.lender = lender
        }

        deinit { lender.free.withLock { $0.append(buffers) } }
    }

    private let free = Mutex<[Buffers]>([])
    private let make: @Sendable () -> Buffers

    /// - Parameter make: one thread's buffers, with any content.
    package init(_ make: @escaping @Sendable () -> Buffers) { self.make = make }

    /// What the buffers hold is what their last user has left.
    package func borrow() -> Loan { Loan(free.withLock { $0.popLast() } ?? make(), of: self) }
}
