/// How a job is made to survive its process: where its snapshot is, and how often it is renewed.
package struct Resumption: Sendable {
    /// What the job says of its snapshot; from any thread.
    package enum Note: Sendable, Hashable {
        /// It goes on at `block`, from 0.
        case resumed(block: Int, blocks: Int)
        /// What was done before `block` is kept for good.
        case kept(block: Int, blocks: Int)
        /// The job ends and is still writing its last snapshot; said every second.
        case keeping
        /// There is a snapshot, but not of this job as it is now: it starts from the beginning.
        case refused(String)
        /// The job runs on without a further snapshot.
        case failed(String)
    }

    /// Exists, and is the job's alone.
    package let directory: String
    /// Of the program: another one may compute other bits.
    package let version: String
    /// A name for this attempt, which a snapshot that it writes bears.
    package let attempt: String
    /// Seconds between two snapshots at least; 0: after every block, whatever it costs.
    package let interval: Double
    package let notify: @Sendable (Note) -> Void

    package init(
        directory: String, version: String, attempt: String, interval: Double,
        notify: @escaping @Sendable (Note) -> Void
    ) {
        self.directory = directory
        self.version = version
        self.attempt = attempt
        self.interval = interval
        self.notify = notify
    }
}
