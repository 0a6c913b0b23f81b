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

    static let drain = Subcommand(
        name: "drain", summary: "start no further jobs; --off: start them again", operand: "",
        details: """
            Running jobs go on to their end, manifests are still taken into the queue. It holds over
            restarts of the daemon. Only root may ask, or whoever runs the daemon for himself.
            """,
        options: [
            Option(name: "--off", value: nil, help: "start jobs again"), .configuration, .spool,
            .json,
        ]
    ) { arguments, program in
        try arguments.refuseOperands(program)
        return try tell(arguments.flags.contains("--off") ? .undrain : .drain, arguments)
    }

    static let reload = Subcommand(
        name: "reload", summary: "have the daemon read its configuration anew", operand: "",
        details: """
            Waits until the new configuration holds, or says what is wrong with it, and the old one
            stays. Only root may ask, or whoever runs the daemon for himself.
            """,
        options: [.configuration, .spool, .json]
    ) { arguments, program in
        try arguments.refuseOperands(program)
        return try tell(.reload, arguments)
    }

    private static func request(
        _ verb: Request.Verb, _ summary: String, _ details: String
    ) -> Subcommand {
        Subcommand(
            name: verb.rawValue, summary: summary, operand: "ID",
            details: """
                \(details)
                Only the job's owner and root may ask. Waits for the daemon's answer for some \
                seconds.
                ID is as for 'stadectl show'.
                """,
            options: [.configuration, .spool, .json]
        ) { arguments, program in
            let access = try SpoolAccess(arguments)
            let job = try access.job(arguments.operand("the job", program))
            return try ask(verb, job.id, access, arguments, about: " \(job.id)")
        }
    }

    /// Asks for something that is about the daemon: the id only tells requests apart.
    private static func tell(_ verb: Request.Verb, _ arguments: Arguments) throws -> ExitCode {
        var identifiers = JobIdentifier()
        return try ask(
            verb, identifiers.next(), SpoolAccess(arguments), arguments, about: " the daemon")
    }

    private static func ask(
        _ verb: Request.Verb, _ id: String, _ access: SpoolAccess, _ arguments: Arguments,
        about subject: String
    ) throws -> ExitCode {
        let inbox = access.spool.inbox
        let name = Request.fileName(verb, id, tag: Request.randomTag())
        let asked = Clock.wall()
        do throws(SystemError) {
            try File(joined(inbox, name), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW).sync()
        } catch {
            guard error.exitCode == .notPermitted else { throw error }
            throw InboxError(inbox: inbox, error: error)
        }
        let answer = awaitAnswer(name, access.spool, since: asked)
        if let refusal = answer?.refusal { throw RequestError.refused(verb, subject, refusal) }
        if answer == nil, verb.isAboutDaemon { throw RequestError.unanswered(verb) }
        if arguments.flags.contains("--json") {
            return Terminal.show(
                .object([
                    "id": Node(id), "request": Node(verb.rawValue), "granted": Node(answer != nil),
                ]))
        }
        return Terminal.show(
            "asked to \(verb.rawValue)\(subject)"
                + (answer == nil ? "; no answer yet, is the daemon running?" : ": granted"))
    }

    private static func awaitAnswer(
        _ name: String, _ spool: Spool, since asked: Double
    ) -> Answer? {
        let end = Clock.boot() + 10
        while Clock.boot() < end {
            // The clock of both is this machine's; it may step, and then there is no answer.
            if let answer = spool.answers.last(where: {
                $0.request == name && $0.uid == geteuid() && $0.time >= asked
            }) {
                return answer
            }
            usleep(30_000)
        }
        return nil
    }
}

/// The daemon did not do what it was asked for.
enum RequestError: Failure {
    case refused(Request.Verb, String, String)
    case unanswered(Request.Verb)

    var exitCode: ExitCode {
        switch self {
        case .refused(.reload, _, _): .configuration
        case .refused: .notPermitted
        case .unanswered: .tryAgain
        }
    }

    var description: String {
        switch self {
        case .refused(let verb, let subject, let why):
            "the request to \(verb.rawValue)\(subject) was refused: \(why)"
        case .unanswered(let verb):
            "no answer to the request to \(verb.rawValue); is the daemon running?"
        }
    }
}
