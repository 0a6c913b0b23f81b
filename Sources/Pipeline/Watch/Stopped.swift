import Posix

/// The job was asked to stop and has left nothing behind.
package struct Stopped: Failure {
    package init() {}
    package var exitCode: ExitCode { .tryAgain }
    package var description: String { "stopped before it was finished" }
}
