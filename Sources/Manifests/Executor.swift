/// Where a job runs: on the daemon's own machine, or on a cluster's node, which Slurm chooses.
package enum Executor: String, Sendable, Hashable, CaseIterable { case local, slurm }
