import Posix

/// What is wrong in a YAML or JSON document, and where.
package struct DocumentError: Failure, Hashable {
    package let file: String
    package let position: Node.Position?
    /// What was found and what was expected, in plain words.
    package let reason: String
    package let exitCode: ExitCode

    package init(
        file: String, position: Node.Position?, reason: String, exitCode: ExitCode = .configuration
    ) {
        self.file = file
        self.position = position
        self.reason = reason
        self.exitCode = exitCode
    }

    package var description: String {
        let place = position.map { ":\($0.line):\($0.column)" } ?? ""
        return "\(escaped(file))\(place): \(reason)"
    }
}
