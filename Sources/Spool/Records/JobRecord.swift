import Manifests

/// What the spool remembers of a job beside its manifest: `state.json`.
package struct JobRecord: Sendable, Hashable {
    package let id: String
    package var state: JobState
    /// The manifest's `name`, or the file's.
    package var name: String
    /// The manifest's file name in the inbox, as its submitter knows it.
    package var file: String
    /// The owner of the submitted file.
    package var uid: UInt32
    /// Unix time in seconds.
    package var submitted: Double
    /// Higher runs first.
    package var priority = 0
    /// Where it runs.
    package var executor = Executor.local
    /// Its latest job of Slurm's; nil: there was none.
    package var submission: Submission?
    /// Workers started since the job last got further, less those that were stopped for no fault of
    /// the job.
    package var attempts = 0
    /// How often in a row the job was put off.
    package var deferrals = 0
    /// Unix time before which a deferred job is not tried again; for display.
    package var retryAfter: Double?
    /// Why it is where it is, in plain words; nil where there is nothing to explain.
    package var reason: String?
    /// What `stadectl prune` would have exited with; nil unless it failed or was deferred.
    package var exitCode: Int32?
    /// Where its present or last attempt went on from; nil: from the beginning.
    package var resumed: Place?
    /// The most memory that a worker of it held, in bytes.
    package var peakMemory: Int?
    /// What its plan needs at least, in bytes, where that was more than it was first given.
    package var memoryNeeded: Int?
    /// The latest `maximumChanges` changes of state, oldest first.
    package internal(set) var changes: [Change] = []

    package static let maximumChanges = 50

    /// A block, from 0, of so many.
    package struct Place: Sendable, Hashable {
        package internal(set) var block: Int
        package internal(set) var blocks: Int

        package init(block: Int, blocks: Int) {
            self.block = block
            self.blocks = blocks
        }
    }

    /// A job of Slurm's, which is an attempt at this one.
    package struct Submission: Sendable, Hashable {
        /// From 1; none is used twice, so that it makes a name.
        package var count: Int
        /// Slurm's own number; nil: it is not known, or sbatch was not called.
        package var number: Int?

        package init(count: Int, number: Int? = nil) {
            self.count = count
            self.number = number
        }
    }

    package struct Change: Sendable, Hashable {
        package internal(set) var state: JobState
        /// Unix time in seconds.
        package internal(set) var time: Double
        package internal(set) var reason: String?
    }

    package init(
        id: String, state: JobState, name: String, file: String, uid: UInt32, submitted: Double
    ) {
        self.id = id
        self.state = state
        self.name = name
        self.file = file
        self.uid = uid
        self.submitted = submitted
    }

    /// Notes that the job comes into `state` now.
    mutating func enter(_ state: JobState, at time: Double) {
        self.state = state
        note(Change(state: state, time: time, reason: reason))
    }

    /// Forgets the note of a move that a crash came before: it is written first, and names a state
    /// that the job is not in.
    mutating func dropUnfinishedMove() {
        if let last = changes.last, last.state != state { changes.removeLast() }
    }

    mutating func note(_ change: Change) {
        changes.append(change)
        if changes.count > Self.maximumChanges {
            changes.removeFirst(changes.count - Self.maximumChanges)
        }
    }

    /// When it came into its state; Unix time in seconds.
    package var since: Double { changes.last?.time ?? submitted }

    /// Tells the attempt that runs from every other one.
    package var attemptName: String { "\(since)" }

    /// What Slurm knows the latest job by; nil: there was none.
    package var submissionName: String? { submission.map { "stade-\(id)-\($0.count)" } }

    /// Slurm may have it: no other process may work on it, and this directory may not move.
    package var isAway: Bool { state == .active && executor == .slurm && submission != nil }

    /// The order in which jobs run: highest priority first, then first come, first served.
    package static func precedes(_ left: JobRecord, _ right: JobRecord) -> Bool {
        left.priority != right.priority ? left.priority > right.priority : left.id < right.id
    }
}
