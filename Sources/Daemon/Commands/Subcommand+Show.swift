import Documents
import Glibc
import Posix
import Spool

extension Subcommand {
    static let show = Subcommand(
        name: "show", summary: "tell all about one job", operand: "ID",
        details: """
            ID is a job's id, the start of one, or a job's name, as long as only one job is meant.
            """,
        options: [.configuration, .spool, .json]
    ) { arguments, program in
        let access = try SpoolAccess(arguments)
        let job = try access.job(arguments.operand("the job", program))
        if arguments.flags.contains("--json") { return Terminal.show(access.node(job)) }
        var lines: [(String, String)] = [
            ("id", job.id), ("name", escaped(job.name)), ("file", escaped(job.file)),
            ("state", "\(job.state.rawValue) since \(date(job.since))"),
            ("owner", userName(job.uid)), ("submitted", date(job.submitted)),
            ("priority", "\(job.priority)"), ("attempts", "\(job.attempts)"),
        ]
        if let submission = job.submission {
            let number = submission.number.map { "job \($0)" } ?? "no number yet"
            lines.append(("slurm", "\(number), \(job.submissionName ?? "")"))
        }
        if let progress = access.progress(job) { lines.append(("progress", progress.summary)) }
        if let place = job.resumed {
            lines.append(("resumed", String(resumedText(place.block, place.blocks).dropFirst(8))))
        }
        if let peak = job.peakMemory { lines.append(("memory", "at most \(size(peak))")) }
        if let reason = job.reason { lines.append(("reason", escaped(reason, limit: 4096))) }
        if let time = job.retryAfter { lines.append(("tried again", date(time))) }
        for output in access.spool.outputs(job) { lines.append(("output", output.summary)) }
        for change in job.changes {
            lines.append(("", "\(date(change.time))  \(change.state.rawValue)"))
        }
        let width = lines.map(\.0.utf8.count).max() ?? 0
        let text = lines.map { name, value in
            name + String(repeating: " ", count: width - name.utf8.count + 2) + value
        }
        return Terminal.show(text)
    }

    /// Local time, as `2025-03-14 09:26:53`.
    private static func date(_ time: Double) -> String {
        guard var seconds = time_t(exactly: time.rounded()) else { return "unknown" }
        var parts = tm()
        localtime_r(&seconds, &parts)
        var buffer = [CChar](repeating: 0, count: 64)
        let count = strftime(&buffer, buffer.count, "%Y-%m-%d %H:%M:%S", &parts)
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
