import Documents
import Glibc
import Posix
import Spool

extension Subcommand {
    static let cancel = request(
        .cancel, "end a job, or take it out of the queue",
        "The job fails with the reason that it was cancelled; a running one gets time to clean up.")
    static let hold = request(
        .hold, "keep a queued job from running", "It stays until 'stadectl release'.")
    static let release = request(
        .release, "let a held job run", "It is queued again, with its old priority and age.")
    static let retry = request(
        .retry, "run a failed job again", "Also a job that was put off, without waiting longer.")

    private static func request(
        _ verb: Request.Verb, _ summary: String, _ details: String
    ) -> Subcommand {
        Subcommand(
            name: verb.rawValue, summary: summary, operand: "ID",
            details: """
                \(details)
                Only the job's owner and root may ask; the daemon's answer is in the journal and in
                'stadectl show'. ID is as for 'stadectl show'.
                """,
            options: [.configuration, .spool, .json]
        ) { arguments, program in
            let access = try SpoolAccess(arguments)
            let job = try access.job(arguments.operand("the job", program))
            let inbox = access.spool.inbox
            let path = joined(inbox, Request.fileName(verb, job.id))
            do throws(SystemError) {
                try File(path, O_WRONLY | O_CREAT | O_NOFOLLOW).sync()
            } catch {
                guard error.exitCode == .notPermitted else { throw error }
                throw InboxError(inbox: inbox, error: error)
            }
            if arguments.flags.contains("--json") {
                return printJSON(.object(["id": Node(job.id), "request": Node(verb.rawValue)]))
            }
            return print("asked to \(verb.rawValue) \(job.id)\n")
        }
    }
}
