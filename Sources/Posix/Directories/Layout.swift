/// The names on disk of what stade writes and finds again.
///
/// A name stands here once, whoever uses it: older spools, snapshots and outputs have them.
package enum Layout {
    /// In the spool, beside a directory for each state of a job.
    package enum Spool {
        /// What is still being made or already taken out.
        package static let temporary = "tmp"
        package static let lock = "lock"
        /// Its presence keeps jobs from being started.
        package static let drained = "drained"
        /// Manifests that stay in the inbox for now.
        package static let waiting = "waiting.json"
        /// The latest answers to requests.
        package static let answers = "answers.json"
        /// The configuration in force, as it was read.
        package static let configuration = "configuration.yaml"
        /// In the service manager's runtime directory, where there is one.
        package static let metrics = "metrics.prom"
    }

    /// In the inbox, beside manifests.
    package enum Inbox {
        package static let manifestEnding = ".yaml"
        package static let requestPrefix = ".request-"
        /// The daemon's own directory: each claimed manifest under its job's id.
        package static let claims = ".claims"

        /// What older daemons called a claim, in the inbox itself.
        package static func olderClaim(_ id: String) -> String { ".claim-\(id)" }

        /// What had the name of the directory of claims and was not the daemon's.
        package static func notClaims(_ id: String) -> String { ".not-claims-\(id)" }
    }

    /// In a job's directory in the spool.
    package enum Job {
        /// The job's record.
        package static let record = "state.json"
        /// One line: why the job failed.
        package static let reason = "reason.txt"
        /// The submitted bytes.
        package static let manifest = "manifest.yaml"
        /// What a running job last said of itself.
        package static let progress = "progress.json"
        /// What a finished job left.
        package static let result = "result.json"
        /// What a worker wrote to standard error.
        package static let log = "log"
        /// What a worker on another node says, in the lines of `WorkerEvent`.
        package static let events = "events"
        /// The script that Slurm runs.
        package static let script = "slurm.sh"
        /// Locked by the worker on whatever node.
        package static let workerLock = "worker.lock"
        /// Locked as long as an sbatch of this job's is at work.
        package static let submitLock = "submit.lock"
        /// The directory of the snapshot: what a later attempt goes on from.
        package static let snapshot = "checkpoint"
    }

    /// In the directory of a snapshot.
    package enum Snapshot {
        /// Names all that belongs to it; without it there is none.
        package static let progress = "progress.json"
        /// What the job has published, or is about to.
        package static let outputs = "outputs.json"
        /// The id of a job without a daemon.
        package static let job = "id"

        /// The hidden states, in one file or the other.
        package static func states(_ slot: Int) -> String { "states-\(slot)" }

        /// The directory itself where there is no daemon: beside the output.
        package static func directory(beside output: String) -> String {
            ".\(output).stade-checkpoint"
        }
    }

    /// In an output, beside the model's own files.
    package enum Output {
        package static let report = "stade-report.json"
        package static let page = "stade-report.html"
        package static let statistics = "stade-statistics.safetensors"
        /// The model card, as the hub calls it.
        package static let card = "README.md"
        /// The card of the model that was pruned.
        package static let denseCard = "README.dense.md"
    }

    /// The hidden directory beside its outputs in which a job builds them.
    package enum Partial {
        private static let prefix = ".stade-"
        private static let ending = ".partial"
        /// Says whose it is.
        package static let mark = ".stade-job"
        /// Hidden states without memory, unlinked at once.
        package static let scratch = ".stade-scratch"

        /// The names for job `id` that are tried: others may have taken some.
        package static func names(_ id: String) -> [String] {
            precondition(
                !id.isEmpty && !id.utf8.contains(UInt8(ascii: "/")), "an id is part of a name")
            return (1...9).map { "\(prefix)\(id)\($0 == 1 ? "" : "-\($0)")\(ending)" }
        }

        package static func isOne(_ name: String) -> Bool {
            name.hasPrefix(prefix) && name.hasSuffix(ending)
        }

        /// For people, and for patterns of names: any job's.
        package static let pattern = "\(prefix)*\(ending)"
    }
}
