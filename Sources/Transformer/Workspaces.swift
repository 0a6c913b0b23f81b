import Synchronization
import Tensors

/// The workspaces of a job, made once and lent to one thread after the other: a pass over a block is
/// too short to allocate and clear buffers for each.
package final class Workspaces: Sendable {
    /// A workspace on loan, which goes back when the loan is over.
    package final class Loan {
        package let workspace: Workspace
        private let owner: Workspaces

        fileprivate init(_ workspace: Workspace, from owner: Workspaces) {
            self.workspace = workspace
            self.owner = owner
        }

        deinit { owner.free.withLock { $0.append(workspace) } }
    }

    private let model: Model
    private let length: Int
    private let free = Mutex<[Workspace]>([])

    /// - Parameter length: of the longest sequence.
    package init(_ model: Model, length: Int) {
        self.model = model
        self.length = length
    }

    package func borrow() -> Loan {
        Loan(free.withLock { $0.popLast() } ?? Workspace(model, length: length), from: self)
    }
}
