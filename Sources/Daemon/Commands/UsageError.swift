import Documents
import Posix

/// A command line that cannot be understood.
struct UsageError: Failure, Hashable {
    let reason: String
    /// Whose `--help` explains more, e.g. `stadectl list`.
    let program: String

    var exitCode: ExitCode { .usage }

    var description: String { "\(reason); see '\(program) --help'" }

    /// `kind` is `option` or `command`.
    static func unknown(
        _ kind: String, _ word: String, among words: [String], _ program: String
    ) -> UsageError {
        let nearest = Spelling.nearest(to: word, among: words)
        let hint = nearest.map { ", did you mean '\($0)'?" } ?? ""
        return UsageError(
            reason: "unknown \(kind) '\(escaped(word, limit: 64))'\(hint)", program: program)
    }
}
