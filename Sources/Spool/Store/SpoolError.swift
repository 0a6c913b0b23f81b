import Posix

/// Why a spool cannot be used as asked.
package struct SpoolError: Failure, Hashable {
    package enum Reason: Hashable, Sendable {
        /// Another daemon holds the lock.
        case locked(by: String)
        /// The worker of a job of an earlier daemon does not go away.
        case stillRunning
    }

    package let path: String
    package let reason: Reason

    package var exitCode: ExitCode {
        switch reason {
        case .locked: .configuration
        case .stillRunning: .tryAgain
        }
    }

    package var description: String {
        switch reason {
        case .locked(let holder):
            "\(escaped(path)): another daemon (process \(escaped(holder))) works on this spool; "
                + "stop it, or give this one a spool of its own"
        case .stillRunning:
            "\(escaped(path)): a worker of an earlier daemon still holds this job; end it and "
                + "start again"
        }
    }
}
