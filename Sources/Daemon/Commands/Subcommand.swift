import Posix

/// One command of `stadectl`.
struct Subcommand: Sendable {
    let name: String
    /// One line.
    let summary: String
    /// After the name in the usage line.
    let operand: String
    /// What it does, for the help; several lines.
    let details: String
    let options: [Option]
    let body: @Sendable (Arguments, _ program: String) throws -> ExitCode

    struct Option: Sendable {
        let name: String
        /// What stands for the value; nil: none.
        let value: String?
        let help: String

        static let json = Option(
            name: "--json", value: nil, help: "print JSON for programs instead of text")
        static let configuration = Option(
            name: "--config", value: "FILE",
            help: "the daemon's configuration (default: \(StadedCommand.defaultConfiguration))")
        static let spool = Option(
            name: "--spool", value: "DIR", help: "the spool, instead of the configuration's")
    }

    func execute(_ words: [String]) throws -> ExitCode {
        let program = "stadectl \(name)"
        let arguments = try Arguments(
            words, flags: options.filter { $0.value == nil }.map(\.name) + ["--help"],
            valued: options.filter { $0.value != nil }.map(\.name), program: program)
        if arguments.flags.contains("--help") { return Terminal.show(text: help) }
        return try body(arguments, program)
    }

    private var help: String {
        let names = options.map { $0.name + ($0.value.map { " \($0)" } ?? "") } + ["--help"]
        let texts = options.map(\.help) + ["print this and exit"]
        let width = names.map(\.utf8.count).max() ?? 0
        let lines = zip(names, texts).map { name, text in
            "  \(name)\(String(repeating: " ", count: width - name.utf8.count + 2))\(text)\n"
        }
        let operand = operand.isEmpty ? "" : " \(operand)"
        return """
            usage: stadectl \(name) [OPTION...]\(operand)

            \(details)

            \(lines.joined())
            """
    }
}
