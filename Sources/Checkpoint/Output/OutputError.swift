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
        /// To be overwritten, but it is another account's.
        case foreign(String)
        /// Nothing closed to others can be made there.
        case notPrivate
        /// All names that the unfinished output may have are others'.
        case namesTaken
        /// The directory that holds it is no longer at its path.
        case moved(String)
        /// Somebody has put another in its place.
        case replaced
        case inUse
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
        if case .inUse = reason { return .tryAgain }
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
        case .foreign(let owner):
            return "\(path): exists and belongs to \(owner), so it is not replaced; have it "
                + "removed, or choose another output"
        case .notPrivate:
            return "\(path): an unfinished output cannot be closed to others there, for the file "
                + "system keeps no permissions; choose an output elsewhere"
        case .namesTaken:
            return "\(path): others have taken every name there that the unfinished output may "
                + "have; remove what is called \(Layout.Partial.pattern)"
        case .moved(let parent):
            return "\(path): not published, for \(escaped(parent)) was moved or replaced meanwhile"
        case .replaced:
            return "\(path): was replaced by somebody else meanwhile; let others not write to the "
                + "directory that holds it, or choose another output"
        case .inUse: return "\(path): another process works in it"
        case .notWritable(let parent, let because):
            return "\(escaped(parent)): cannot write there: \(because)"
        case .noSpace(let needed, let free, _):
            return "\(path): needs \(size(needed)), but \(size(free)) are free there"
        }
    }
}
