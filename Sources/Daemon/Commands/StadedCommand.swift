import Glibc
import Manifests
import Posix

/// The program `staded`.
package enum StadedCommand {
    package static let defaultConfiguration = "/etc/stade/staded.yaml"

    private static let help = """
        usage: staded [--config FILE] [--check]

        Prunes the checkpoints that manifests in the inbox name. Runs in the foreground until
        SIGTERM; SIGHUP reads the configuration anew.

          --config FILE  the configuration (default: \(defaultConfiguration))
          --check        check the configuration and exit
          --version      print the version and exit
          --help         print this and exit

        """

    /// - Parameter arguments: without the program's name.
    /// - Returns: the status to exit with.
    package static func run(_ arguments: [String]) -> Int32 {
        prepareProcess()
        do {
            try ProcessorError.check()
            return try execute(arguments).rawValue
        } catch {
            Terminal.complain("staded", error)
            return ((error as? any Failure)?.exitCode ?? .software).rawValue
        }
    }

    private static func execute(_ words: [String]) throws -> ExitCode {
        let arguments = try Arguments(
            words, flags: ["--check", "--version", "--help"],
            valued: [
                "--config", "--worker", "--parent", "--threads", "--memory", "--submission",
            ],
            program: "staded")
        if arguments.flags.contains("--help") { return Terminal.show(text: help) }
        if arguments.flags.contains("--version") { return Terminal.show("staded \(version)") }
        try arguments.refuseOperands("staded")
        let file = arguments.values["--config"] ?? defaultConfiguration
        // How the daemon calls itself for one job; not for people, so not in the help.
        if let directory = arguments.values["--worker"] {
            func number(_ name: String) -> Int? { arguments.values[name].flatMap { Int($0) } }
            let share = Share(
                threads: number("--threads") ?? availableProcessors,
                memory: number("--memory") ?? physicalMemory)
            return WorkerProgram(
                directory: directory, configurationFile: file,
                parent: number("--parent").map { pid_t(truncatingIfNeeded: $0) }, share: share,
                submission: number("--submission")
            ).run()
        }
        let bytes = try readFile(file, limit: 1 << 20)
        let configuration = try Configuration.read(bytes, file: file)
        if arguments.flags.contains("--check") {
            return Terminal.show("\(file): correct")
        }
        let daemon = Daemon(configuration, Daemon.Options(configurationFile: absolute(file)))
        try daemon.handleSignals()
        try daemon.start(bytes)
        return daemon.wait()
    }
}

/// What both programs do first.
func prepareProcess() {
    openStandardDescriptors()
    // Keeps Dispatch from telling the system's log, each time a thread starts, that an ordinary
    // user may not raise its priority. It looks when it is used for the first time.
    setenv("LIBDISPATCH_LOG", "NO", 0)
    // Then write(2) says that a file may not become larger.
    signal(SIGXFSZ, SIG_IGN)
}

/// `path` as seen from the root directory.
func absolute(_ path: String) -> String {
    path.hasPrefix("/") ? path : joined(workingDirectory, path)
}

/// getcwd(3).
var workingDirectory: String {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    guard getcwd(&buffer, buffer.count) != nil else { return "." }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
