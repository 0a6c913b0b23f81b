import CLinux
import Dispatch
import Glibc
import Posix

/// A program started in a session of its own, its output in pipes, and a thread that waits for it.
///
/// The waiting thread is also the one that started the program: `PR_SET_PDEATHSIG` counts from the
/// thread, and Dispatch's threads come and go.
final class ChildProcess: Sendable {
    let identifier: pid_t
    /// The read ends; the owner of this object closes them.
    let output: CInt
    let errors: CInt

    /// How a process ended, and the most memory that it held, in bytes.
    struct End: Sendable {
        /// As from wait(2).
        let status: CInt
        let peakMemory: Int

        /// The signal that ended it; nil where it exited.
        var signal: CInt? { status & 0x7f == 0 ? nil : status & 0x7f }
        var exitCode: CInt { status >> 8 & 0xff }
    }

    /// Variables that belong to the daemon and its service manager.
    private static let privateVariables: Set<String> = [
        "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM", "INVOCATION_ID",
        "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES",
    ]

    /// - Parameters:
    ///   - environment: nil: this process's, without what is its own.
    ///   - keeping: a descriptor that it has open, too; nil: none.
    ///   - ended: called once, on `queue`, when the process is gone.
    init(
        _ executable: String, _ arguments: [String], environment: [String]? = nil,
        keeping: CInt? = nil, on queue: DispatchQueue,
        ended: @escaping @Sendable (End) -> Void
    ) throws(SystemError) {
        var out: [CInt] = [-1, -1]
        var err: [CInt] = [-1, -1]
        if stade_pipe(&out) != 0 { throw SystemError("pipe", executable) }
        if stade_pipe(&err) != 0 {
            let error = SystemError("pipe", executable)
            for end in out { close(end) }
            throw error
        }
        let writeEnds = (out[1], err[1])
        let waiter = Waiter(queue: queue, ended: ended)
        let thread = startThread {
            waiter.started.set(
                Self.spawn(
                    executable, arguments, environment ?? Self.environment(), keeping,
                    writeEnds.0, writeEnds.1))
            waiter.wait()
        }
        let (code, child) = thread == 0 ? waiter.started.wait() : (thread, 0)
        for end in [out[1], err[1]] { close(end) }
        if code != 0 {
            for end in [out[0], err[0]] { close(end) }
            throw SystemError("start", executable, errno: code)
        }
        identifier = child
        output = out[0]
        errors = err[0]
    }

    /// kill(2) of the whole process group. Only before `ended` was called: the number may be
    /// another's afterwards.
    func signal(_ signal: CInt) { _ = kill(-identifier, signal) }

    /// The error number of posix_spawn(3), 0 for success, and the process.
    private static func spawn(
        _ executable: String, _ arguments: [String], _ environment: [String], _ kept: CInt?,
        _ output: CInt, _ errors: CInt
    ) -> (CInt, pid_t) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO)
        // To itself: without O_CLOEXEC.
        if let kept { posix_spawn_file_actions_adddup2(&actions, kept, kept) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Dispatch blocks signals in its threads, and this program ignores SIGPIPE: none of it is
        // for the child.
        var none = sigset_t()
        sigemptyset(&none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        // No terminal's signals reach it, and its process group is its own: setsid(2).
        let flags = Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) | stade_spawn_setsid
        posix_spawnattr_setflags(&attributes, flags)

        var words = ([executable] + arguments).map { strdup($0) } + [nil]
        var variables = environment.map { strdup($0) } + [nil]
        defer { for word in words + variables { free(word) } }
        var child: pid_t = 0
        let code = posix_spawn(&child, executable, &actions, &attributes, &words, &variables)
        return (code, child)
    }

    static func environment() -> [String] {
        var result: [String] = []
        var entry = environ
        while let text = entry.pointee {
            let text = String(cString: text)
            entry += 1
            let name = text.prefix { $0 != "=" }
            if !privateVariables.contains(String(name)) { result.append(text) }
        }
        // A worker that crashes is to end by the signal itself, which says what happened, and at
        // once.
        if getenv("SWIFT_BACKTRACE") == nil { result.append("SWIFT_BACKTRACE=enable=no") }
        // OpenBLAS would start, before anything else runs, a thread for each processor, which none
        // of our calls use and whose stacks count against the worker's memory.
        if getenv("OPENBLAS_NUM_THREADS") == nil { result.append("OPENBLAS_NUM_THREADS=1") }
        return result
    }
}

/// What the thread of a `ChildProcess` needs.
private final class Waiter: Sendable {
    let started = Handover<(CInt, pid_t)>()
    private let queue: DispatchQueue
    private let ended: @Sendable (ChildProcess.End) -> Void

    init(queue: DispatchQueue, ended: @escaping @Sendable (ChildProcess.End) -> Void) {
        self.queue = queue
        self.ended = ended
    }

    func wait() {
        let (code, child) = started.wait()
        if code != 0 { return }
        // Leaves the zombie, so that its number stays taken until the queue has been told: a signal
        // sent meanwhile reaches nobody else.
        var info = siginfo_t()
        while waitid(P_PID, id_t(child), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR {}
        queue.async { [ended] in
            var status: CInt = 0
            var usage = rusage()
            while wait4(child, &status, 0, &usage) < 0 && errno == EINTR {}
            ended(ChildProcess.End(status: status, peakMemory: usage.ru_maxrss * 1024))
        }
    }
}
