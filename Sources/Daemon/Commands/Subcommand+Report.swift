import Documents
import Glibc
import Posix
import Reports
import Spool

extension Subcommand {
    static let report = Subcommand(
        name: "report", summary: "print what pruning did, and what it cost", operand: "DIR|ID",
        details: """
            DIR is a pruned checkpoint with its stade-report.json; ID a finished job, as 'stadectl \
            show'
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
            guard let report = ReportDocument(node) else {
                throw ReportError(path: joined(path, Layout.Output.report), reason: .unknown)
            }
            return "\(escaped(path, limit: 4096))\n\n\(PlainReport(report).text)"
        }
        return Terminal.show(text: texts.joined(separator: "\n"))
    }

    /// The directories that are meant: what is one on disk, else what the job has published.
    private static func outputs(_ operand: String, _ arguments: Arguments) throws -> [String] {
        if hasReport(operand) { return [absolute(operand)] }
        var status = stat()
        let kind = stat(operand, &status) == 0 ? status.st_mode & S_IFMT : nil
        if operand.contains("/") || kind != nil {
            // A job may be called as a file is.
            if !operand.contains("/"), let access = try? SpoolAccess(arguments),
                let job = try? access.job(operand)
            {
                return try published(by: job, access)
            }
            throw ReportError(path: operand, reason: reason(operand, kind))
        }
        let access = try SpoolAccess(arguments)
        return try published(by: access.job(operand), access)
    }

    private static func published(by job: JobRecord, _ access: SpoolAccess) throws -> [String] {
        let paths = access.spool.outputs(job).map(\.path)
        guard !paths.isEmpty else { throw LookupError.unfinished(job.id, job.state.rawValue) }
        return paths
    }

    private static func hasReport(_ directory: String) -> Bool {
        (try? File(joined(directory, Layout.Output.report), O_RDONLY | O_NOFOLLOW | O_NONBLOCK))
            != nil
    }

    /// Why a path is no output. `kind`: of its file; nil where there is none.
    private static func reason(_ path: String, _ kind: mode_t?) -> ReportError.Reason {
        guard let kind else { return .absent }
        if kind == S_IFDIR {
            let entries = (try? DirectoryEntry.list(File(path, O_RDONLY | O_DIRECTORY))) ?? []
            let inside = entries.prefix(1000).compactMap(\.name).filter {
                hasReport(joined(path, $0))
            }
            return .noReport(inside: inside.sorted().prefix(5).map { joined(path, $0) })
        }
        let name = lastName(path)?.lowercased() ?? ""
        if name.hasSuffix(".yaml") || name.hasSuffix(".yml") { return .manifest }
        return .file
    }
}

/// What is no output with a report that this program knows.
struct ReportError: Failure, Hashable {
    enum Reason: Hashable {
        /// Of another version.
        case unknown
        case absent
        /// Outputs that lie in it.
        case noReport(inside: [String])
        case manifest
        case file
    }

    let path: String
    let reason: Reason

    var exitCode: ExitCode {
        if case .unknown = reason { .data } else { .noInput }
    }

    var description: String { "\(escaped(path, limit: 4096)): \(text)" }

    private var text: String {
        switch reason {
        case .unknown: return "not a report of version 1; was it written by a newer stade?"
        case .absent: return "not found; name a directory that stade has written, or a job"
        case .noReport(let inside):
            let found = inside.map { escaped($0, limit: 4096) }.joined(separator: ", ")
            return
                "has no \(Layout.Output.report), so it is no output of stade, which has one beside "
                + "config.json"
                + (inside.isEmpty ? "; is it the model?" : "; in it have one: \(found)")
        case .manifest:
            return
                "is a manifest; name the output that it asks for, or the job ('stadectl list' "
                + "shows them)"
        case .file:
            return "is a file; name the directory that holds \(Layout.Output.report), or a job"
        }
    }
}
