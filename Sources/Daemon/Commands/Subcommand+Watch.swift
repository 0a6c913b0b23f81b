import Documents
import Glibc
import Posix
import Spool

extension Subcommand {
    static let watch = Subcommand(
        name: "watch", summary: "follow a job until it has ended", operand: "ID",
        details: """
            Shows the job's progress and its changes of state, and ends with the job: 0 where it is
            done, else the status that 'stadectl prune' would have had. ID is as for
            'stadectl show'.
            """,
        options: [.configuration, .spool, .json]
    ) { arguments, program in
        let access = try SpoolAccess(arguments)
        let id = try access.job(arguments.operand("the job", program)).id
        let isJSON = arguments.flags.contains("--json")
        let display = ProgressDisplay()
        var state: JobState?
        var shown: Node?
        while true {
            // Between two states it is in neither for a moment, and its record may be half read.
            guard let job = try? access.job(id) else {
                usleep(100_000)
                _ = try access.job(id)
                continue
            }
            if isJSON {
                let node = access.node(job)
                if node != shown { _ = Terminal.show(node, indent: nil) }
                shown = node
            } else if job.state != state {
                display.clear()
                let reason = job.reason.map { ": \(escaped($0, limit: 4096))" } ?? ""
                _ = Terminal.show("\(job.state.rawValue)\(reason)")
            }
            state = job.state
            if job.state.isFinished {
                if !isJSON {
                    _ = Terminal.show(access.spool.outputs(job).map(\.summary))
                }
                if job.state == .done { return .done }
                return job.exitCode.flatMap { ExitCode(rawValue: $0) } ?? .software
            }
            if !isJSON, let progress = access.progress(job) { display.show(progress) }
            usleep(300_000)
        }
    }
}
