import Glibc
import Synchronization

/// The files that a job reads, each as it was when the job first saw it. Half of one file and half
/// of what it was replaced by would be neither.
package final class InputFiles: Sendable {
    private struct State: Hashable {
        let identity: FileIdentity
        let size: Int
        let modified: [Int]
        /// Also of a rename, and of times that were set back.
        let changed: [Int]

        init(_ status: stat) {
            identity = FileIdentity(status)
            size = Int(status.st_size)
            modified = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
            changed = [status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
        }

        var text: String {
            "\(identity.device) \(identity.inode) \(size) \(modified[0]).\(modified[1]) "
                + "\(changed[0]).\(changed[1])"
        }
    }

    private let states = Mutex<[String: State]>([:])

    package init() {}

    /// To be called before it is read.
    /// - Throws: `ChangedInput` where it was noted before and is another one now.
    package func note(_ file: borrowing File) throws { try note(file.path, file.status()) }

    package func note(_ path: String) throws {
        var status = stat()
        if stat(path, &status) != 0 { throw SystemError("find", path) }
        try note(path, status)
    }

    package func note(_ path: String, _ status: stat) throws(ChangedInput) {
        let state = State(status)
        let known = states.withLock { states in
            if states[path] == nil { states[path] = state }
            return states[path]
        }
        if known != state { throw ChangedInput(path: path) }
    }

    /// Looks at every file by its name.
    /// - Throws: `ChangedInput` for one that is not what it was.
    package func check() throws(ChangedInput) {
        for (path, state) in states.withLock({ $0 }) {
            var status = stat()
            guard stat(path, &status) == 0, State(status) == state else {
                throw ChangedInput(path: path)
            }
        }
    }

    /// A line for each file below `directory`, in the order of their paths: equal as long as
    /// nothing has changed.
    package func states(below directory: String) -> [String] {
        states.withLock { states in
            states.filter { $0.key.hasPrefix(directory + "/") }.map { "\($0.key) \($0.value.text)" }
        }.sorted()
    }

    /// The same for one file; nil where it was not noted.
    package func state(of path: String) -> String? {
        states.withLock { states in states[path].map { "\(path) \($0.text)" } }
    }
}

/// A file that a job reads is not what it was when the job began.
package struct ChangedInput: Failure, Hashable {
    package let path: String

    package var exitCode: ExitCode { .data }

    package var description: String {
        "\(escaped(path, limit: 4096)): changed while it was read; run the job again when nobody "
            + "writes to it"
    }
}
