import Documents
import Glibc
import Posix
import Spool

extension Subcommand {
    static let list = Subcommand(
        name: "list", summary: "show all jobs", operand: "",
        details: """
            Shows every job that the spool knows, the oldest first, and below them how many \
            manifests
            wait in the inbox, and why.
            """,
        options: [.configuration, .spool, .json]
    ) { arguments, program in
        try arguments.refuseOperands(program)
        let access = try SpoolAccess(arguments)
        let jobs = try access.jobs()
        let waiting = access.spool.waiting
        if arguments.flags.contains("--json") {
            return Terminal.show(
                .object([
                    "jobs": Node(jobs.map { access.node($0) }),
                    "waiting": Node(waiting.manifests.map(\.node)),
                    "shortage": waiting.shortage.map { Node($0) } ?? Node(.null),
                ]))
        }
        let rows = jobs.map { job in
            [
                job.id, escaped(job.name, limit: 40), job.state.rawValue,
                duration(Clock.wall() - job.since), "\(job.priority)",
                access.progress(job)?.summary ?? escaped(job.reason ?? "", limit: 200),
            ]
        }
        let lines =
            waiting.manifests.map { $0.text(limit: waiting.limit) }
            + (waiting.shortage.map { ["no manifests are taken: \($0)"] } ?? [])
        let header = ["ID", "NAME", "STATE", "AGE", "PRIORITY", ""]
        return Terminal.show(table([header] + rows) + lines)
    }

    /// Columns two spaces apart; on a terminal, lines that fit.
    private static func table(_ rows: [[String]]) -> [String] {
        let limit = isatty(STDOUT_FILENO) == 1 ? ProgressDisplay.width : Int.max
        let widths = (rows.first ?? []).indices.map { column in
            rows.map { $0[column].unicodeScalars.count }.max() ?? 0
        }
        return rows.map { row in
            var line = ""
            for (text, width) in zip(row, widths) {
                let padding = width - text.unicodeScalars.count + 2
                line += text + String(repeating: " ", count: padding)
            }
            while line.hasSuffix(" ") { line.removeLast() }
            return String(line.prefix(limit))
        }
    }
}
