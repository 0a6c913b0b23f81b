import CLinux
import Glibc
import Posix

/// The program `stadectl`.
package enum StadectlCommand {
    /// In the order in which the help lists them.
    static let commands: [Subcommand] = [
        .prune, .validate, .inspect, .tokenize, .submit, .list, .show, .watch, .report, .cancel,
        .hold, .release, .retry,
        .drain, .reload,
    ]

    private static var help: String {
        let width = commands.map(\.name.utf8.count).max() ?? 0
        let lines = commands.map { command in
            let padding = String(repeating: " ", count: width - command.name.utf8.count + 2)
            return "  \(command.name)\(padding)\(command.summary)\n"
        }
        return """
            usage: stadectl COMMAND [OPTION...] [ARGUMENT]

            \(lines.joined())
            'stadectl COMMAND --help' explains a command; --version prints the version.

            Exit status: 0 done; 64 usage; 65 bad model or data; 66 no such input; 70 internal;
            73 cannot write output; 74 I/O; 75 try again; 77 not permitted; 78 bad manifest or
            configuration.

            """
    }

    /// - Parameter arguments: without the program's name.
    /// - Returns: the status to exit with.
    package static func run(_ arguments: [String]) -> Int32 {
        prepareProcess()
        // Whoever reads the output may go away: `stadectl list | head`.
        signal(SIGPIPE, SIG_DFL)
        do {
            try ProcessorError.check()
            if let (parent, messages, words) = Attendant.attended(arguments) {
                // Nobody would be told of its end.
                _ = stade_set_parent_death_signal(SIGKILL)
                if getppid() != parent { return ExitCode.tryAgain.rawValue }
                Diagnostics.move(to: messages)
                return try execute(words).rawValue
            }
            return try Attendant(arguments).run()
        } catch {
            Terminal.complain("stadectl", error)
            return ((error as? any Failure)?.exitCode ?? .software).rawValue
        }
    }

    private static func execute(_ words: [String]) throws -> ExitCode {
        guard let first = words.first else {
            throw UsageError(reason: "no command is given", program: "stadectl")
        }
        switch first {
        case "--help", "-h", "help": return Terminal.show(text: help)
        case "--version": return Terminal.show("stadectl \(version)")
        default: break
        }
        guard let command = commands.first(where: { $0.name == first }) else {
            let isOption = first.hasPrefix("-")
            throw UsageError.unknown(
                isOption ? "option" : "command", first,
                among: isOption ? ["--help", "--version"] : commands.map(\.name), "stadectl")
        }
        return try command.execute(Array(words.dropFirst()))
    }
}
