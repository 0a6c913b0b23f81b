import Posix

/// Why an output cannot be written where the manifest wants it.
package struct OutputError: Failure, Hashable {
    package enum Reason: Hashable, Sendable {
        case exists
        case notDirectory
        /// To be overwritten, but nothing in it looks like a checkpoint.
        case notCheckpoint
        /// To be overwritten, but this input is the same directory or inside it.
        case holdsInput(String)
        case noParent
        case notWritable(parent: String, because: String)
        /// All in bytes; `total` is the size of the file system.
        case noSpace(needed: Int, free: Int, total: Int)
    }

    package let output: String
    package let reason: Reason

    package init(output: String, reason: Reason) {
        self.output = output
        self.reason = reason
    }

    package var exitCode: ExitCode {
        // A disk that is full now may have room later; one that is too small never has.
        if case .noSpace(let needed, _, let total) = reason, needed <= total { return .tryAgain }
        return .cannotCreate
    }

    package var description: String {
        let path = escaped(output)
        switch reason {
        case .exists:
            return "\(path): exists; set overwrite: true or choose another output"
        case .notDirectory:
            return "\(path): exists and is not a directory; choose another output"
        case .notCheckpoint:
            return "\(path): exists and has no config.json, so it is no checkpoint to overwrite; "
                + "remove it yourself or choose another output"
        case .holdsInput(let input):
            return "\(path): overwriting it would remove \(escaped(input)), which the job reads; "
                + "choose another output"
        case .noParent:
            return "\(path): the directory that would hold it does not exist; create it first"
        case .notWritable(let parent, let because):
            return "\(escaped(parent)): cannot write there: \(because)"
        case .noSpace(let needed, let free, _):
            return "\(path): needs \(size(needed)), but \(size(free)) are free there"
        }
    }
}
