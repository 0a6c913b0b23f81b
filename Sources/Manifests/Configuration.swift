/// What an administrator decides: `/etc/stade/staded.yaml`, checked, with every default filled in.
package struct Configuration: Sendable {
    package var spool = "/var/spool/stade"
    package var inbox = "/var/spool/stade/inbox"
    package var roots = Roots()
    package var limits = Limits()
    /// Where jobs with `executor: slurm` go; nil: they are refused.
    package var slurm: Slurm?
    package var snapshot = Snapshot()
    package var history = History()
    package var log = Level.info

    package init() {}

    /// Where manifests may point to; relative paths are tried below each in order.
    package struct Roots: Sendable {
        package var read: [String] = []
        package var write: [String] = []
    }

    /// The machine's share: what all running jobs take together, at most.
    package struct Limits: Sendable {
        /// nil: all processors.
        package var threads: Int?
        /// In bytes; nil: the machine's memory.
        package var memory: Int?
        /// How many run at once.
        package var jobs = 1
        /// How many of one user's run at once; nil: as many as there are.
        package var jobsPerUser: Int?
        /// How many of one user's wait; further manifests stay in the inbox until there is room.
        package var waitingPerUser = 100
        /// Bytes of the spool's disk that are kept free for jobs that were accepted; nil: 64 MiB,
        /// but no more than a twentieth of the disk.
        package var reserve: Int?
        /// Seconds that an attempt of a job may take, and does where its manifest does not say;
        /// nil: as long as it likes.
        package var time: Int?
        /// The highest priority for users who are not root; nil: any.
        package var priorityMax: Int?
    }

    package struct Snapshot: Sendable {
        /// Seconds between two of a job's snapshots at least; 0: after every block.
        package var interval = 5
    }

    /// How many finished jobs are kept, and for how long.
    package struct History: Sendable, Hashable {
        /// Of all users, of those that ran; where they have more together, those who have most lose
        /// first.
        package var jobs = 4000
        /// Of one user, of those that ran.
        package var jobsPerUser = 1000
        /// Of one user, of those that never ran: manifests that were rejected, jobs that were
        /// cancelled or refused before they started.
        package var rejected = 100
        /// Of one user: failed jobs that keep what a retry goes on from.
        package var snapshots = 4
        /// In seconds.
        package var age = 90 * 86400

        package init() {}
    }

    package enum Level: String, Sendable, CaseIterable { case debug, info, warning, error }
}
