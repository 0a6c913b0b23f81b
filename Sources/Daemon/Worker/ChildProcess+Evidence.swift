import Glibc
import Pipeline
import Posix

extension ChildProcess.End {
    /// How a process ended that has not said so itself, for people.
    var evidence: String {
        signal.map { "killed by signal \($0) (\(signalName($0)))" }
            ?? "its worker ended with status \(exitCode) and without a result"
    }

    /// What may have been the cause, with a semicolon before it; empty where nobody can tell.
    var cause: String {
        switch signal {
        case SIGKILL: "; the system may have run out of memory"
        case SIGBUS: "; a file may have been cut short while it was read"
        case SIGXCPU: "; it had used up its processor time (ulimit -t)"
        case SIGXFSZ: "; a file would have become larger than it may be (ulimit -f)"
        default: ""
        }
    }

    /// Whether it may have ended because it could get no more memory than `limit`, in bytes.
    func ranOutOfMemory(_ limit: Int) -> Bool {
        guard let signal else { return exitCode == OutOfMemory.exitStatus }
        // The language's own allocations end in a trap.
        return [SIGILL, SIGTRAP, SIGABRT, SIGSEGV].contains(signal) && peakMemory > limit
    }
}
