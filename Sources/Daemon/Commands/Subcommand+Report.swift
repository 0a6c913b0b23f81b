import Documents
import Glibc
import Posix
import Reports
import Spool

extension Subcommand {
    static let report = Subcommand(
        name: "report", summary: "print what pruning did, and what it cost", operand: "DIR|ID",
        details: """
            DIR is a pruned checkpoint with its stade-report.json; ID a finished job, as 'stadectl show'
            takes it, of which every output is shown. The same is in stade-report.html, with plots.
            """,
        options: [.configuration, .spool, .json]
    ) { arguments, program in
        let operand = try arguments.operand("the checkpoint or the job", program)
        let paths = try outputs(operand, arguments)
        let nodes = try paths.map { (path: $0, report: try Output.report(in: $0)) }
        if arguments.flags.contains("--json") {
            return Terminal.show(
                nodes.count == 1 ? nodes[0].report : Node(nodes.map(\.report)))
        }
        let texts = try nodes.map { path, node in
            guard let contents = ReportContents(node) else {
                throw ReportError(path: joined(path, "stade-report.json"))
            }
            return "\(escaped(path, limit: 4096))\n\n\(PlainReport(contents).text)"
        }
        return Terminal.show(text: texts.joined(separator: "\n"))
    }

    /// The directories that are meant: what is one on disk, else what the job has published.
    private static func outputs(_ operand: String, _ arguments: Arguments) throws -> [String] {
        if operand.contains("/") || isReport(joined(operand, "stade-report.json")) {
            return [absolute(operand)]
        }
        let access = try SpoolAccess(arguments)
        let job = try access.job(operand)
        let paths = access.spool.outputs(job).map(\.path)
        guard !paths.isEmpty else { throw LookupError.unfinished(job.id, job.state.rawValue) }
        return paths
    }

    private static func isReport(_ path: String) -> Bool {
        (try? File(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)) != nil
    }
}

/// A report that this program does not know.
struct ReportError: Failure, Hashable {
    let path: String

    var exitCode: ExitCode { .data }

    var description: String {
        "\(escaped(path, limit: 4096)): not a report of version 1; was it written by a newer stade?"
    }
}
