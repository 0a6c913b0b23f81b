/// The program that runs one job. Called as `executable arguments... --worker <spool>/active/<id>
/// --config <file>`.
package struct WorkerCommand: Sendable {
    package var executable: String
    package var arguments: [String] = []

    package init(executable: String, arguments: [String] = []) {
        self.executable = executable
        self.arguments = arguments
    }

    /// This very program, also after its file was replaced by an upgrade.
    package static let itself = WorkerCommand(executable: "/proc/self/exe")
}
