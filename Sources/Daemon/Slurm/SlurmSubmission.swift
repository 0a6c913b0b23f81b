import Manifests
import Posix
import Spool

/// One job of Slurm's, before it is one: what sbatch(1) is called with.
struct SlurmSubmission: Sendable {
    let record: JobRecord
    let share: Share
    /// Seconds after which Slurm ends it; nil: the partition's limit.
    let time: Int?
    /// The job's directory in the spool.
    let directory: String
    /// What runs on the node, with its arguments.
    let worker: [String]
    let settings: Configuration.Slurm

    var name: String { record.submissionName ?? "" }

    /// The same text for every job: a manifest's words never come into a shell.
    static let script = """
        #!/bin/sh
        # Slurm signals this process itself: see --signal=B: in sbatch(1).
        exec "$@"

        """

    /// In their order; nothing of a manifest is among them but numbers.
    var arguments: [String] {
        var words = settings.options
        if let partition = settings.partition { words.append("--partition=\(partition)") }
        if let account = settings.account { words.append("--account=\(account)") }
        words += [
            "--parsable", "--job-name=\(name)", "--comment=\(comment)", "--nodes=1", "--ntasks=1",
            "--cpus-per-task=\(share.threads)", "--mem=\(mebibytes)M", "--requeue",
            "--signal=B:TERM@\(settings.margin)", "--propagate=NONE", "--open-mode=append",
            "--output=\(joined(directory, Layout.Job.log))", "--chdir=\(directory)",
        ]
        // Slurm's own unit, and a limit must never be shorter than what was promised.
        if let time { words.append("--time=\((time + 59) / 60)") }
        return words + [joined(directory, Layout.Job.script)] + worker
    }

    /// With the room that the worker's own limits leave, so that the plan is refused before Slurm
    /// has to kill.
    private var mebibytes: Int { share.memoryCeiling / (1 << 20) + 1 }

    /// Whose it is, for whoever looks at Slurm's queue.
    private var comment: String {
        let name = userName(record.uid).unicodeScalars.map { scalar -> Character in
            switch scalar {
            case "0"..."9", "a"..."z", "A"..."Z", "_", ".", "-": Character(scalar)
            default: "_"
            }
        }
        return "stade:uid:\(record.uid):user:\(String(name.prefix(64)))"
    }
}

/// What came of a call of sbatch(1).
enum SlurmReply: Sendable, Hashable {
    case submitted(Int)
    /// Slurm will not have it; its reason.
    case refused(String)
    /// Slurm was not reached, so nothing was submitted.
    case unreachable(String)
    /// It may have been submitted or not.
    case unknown(String)

    /// Words of a line by which Slurm's programs say that they did not get through, and nothing of
    /// the job itself.
    private static let unreached = [
        "unable to contact", "connect failure", "connection refused", "could not establish a conf",
        "no route to host", "munge", "authentication",
    ]
    private static let unclear = [
        "timed out", "timeout", "zero bytes", "communication", "connection reset", "unexpected",
        "temporarily", "transport", "send/recv", "broken pipe", "try again",
    ]

    init(_ result: SlurmCommand.Result) {
        switch result {
        case .failed(let text): self = .unreachable(text)
        case .timedOut: self = .unknown("sbatch did not end in time")
        case .ended(0, let output, _):
            // `17`, or `17;cluster`.
            let digits = output.prefix { $0.isASCII && $0.isNumber }
            let rest = output.dropFirst(digits.count).first
            if let number = Int(digits), number > 0, rest == nil || rest == ";" || rest == "\n" {
                self = .submitted(number)
            } else {
                self = .unknown("sbatch said '\(escaped(output, limit: 100))'")
            }
        case .ended(let status, _, let errors):
            let line = Self.line(errors) ?? "sbatch ended with status \(status)"
            let text = errors.lowercased()
            if status > 128 || Self.unclear.contains(where: { text.contains($0) }) {
                self = .unknown(line)
            } else if Self.unreached.contains(where: { text.contains($0) }) {
                self = .unreachable(line)
            } else {
                self = .refused(line)
            }
        }
    }

    /// The last line of a program's complaints, without its own name.
    static func line(_ errors: String) -> String? {
        guard let last = errors.split(separator: "\n").last else { return nil }
        var text = String(last)
        for prefix in ["sbatch: ", "squeue: ", "scancel: ", "error: ", "fatal: "]
        where text.hasPrefix(prefix) {
            text.removeFirst(prefix.count)
        }
        return escaped(text, limit: 300)
    }
}
