import CLinux
import Glibc
import Posix
import Synchronization

/// Runs a command of `stadectl` in a process of its own and waits for it, so that somebody is there
/// to say in one line what happened, and to end with a status that means something, whatever ends
/// it: a file that is cut short while it is mapped, memory that runs out inside a library, a
/// signal.
///
/// The command has this process's standard input, output, signals and terminal. What libraries
/// write to standard error as they go down is kept in memory and told in that line; the command's
/// own messages go to `Diagnostics.descriptor`.
struct Attendant {
    /// What the command's process is called with, before the command's words: the process that
    /// attends it and the descriptor for its messages. Not for people, so not in the help.
    static let mark = "--attended"
    /// The number of that descriptor is beyond those that users pass.
    private static let firstDescriptor: CInt = 100
    /// Of what libraries have written, in bytes.
    private static let maximumNoise = 4096

    private let words: [String]
    private let received: ReceivedSignals
    /// Open to the process's end.
    private let noise: CInt
    private let signalMask: sigset_t

    /// nil where `words` are not those of an attended command.
    static func attended(_ words: [String]) -> (parent: pid_t, messages: CInt, words: [String])? {
        guard words.count >= 3, words[0] == Self.mark, let parent = pid_t(words[1]),
            let messages = CInt(words[2]), fcntl(messages, F_GETFD) >= 0
        else { return nil }
        return (parent, messages, Array(words.dropFirst(3)))
    }

    init(_ words: [String]) throws(SystemError) {
        self.words = words
        var mask = sigset_t()
        pthread_sigmask(SIG_BLOCK, nil, &mask)
        signalMask = mask
        // Those that whoever started this process has it ignore stay ignored, for the command too.
        received = try ReceivedSignals(
            [SIGINT, SIGTERM, SIGHUP, SIGQUIT].filter { !isIgnored($0) } + [SIGCHLD])
        let descriptor = stade_memory_file("stadectl")
        noise = descriptor >= 0 ? descriptor : stade_open("/dev/null", O_RDWR | O_CLOEXEC, 0)
    }

    /// - Returns: the status to exit with.
    func run() throws(SystemError) -> Int32 {
        let child = try spawn()
        // Whoever reads standard error may have gone.
        signal(SIGPIPE, SIG_IGN)
        let end = wait(for: child)
        if let signal = end.signal, isPlain(signal) { die(by: signal) }
        if end.signal == nil, ExitCode(rawValue: end.exitCode) != nil { return end.exitCode }
        let (text, code) = verdict(end)
        Terminal.complain("stadectl", text)
        return code.rawValue
    }

    /// Who asks a command to end, or reads no more of it, knows why; but a job has a status for it.
    private func isPlain(_ signal: CInt) -> Bool {
        words.first != "prune" && [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE].contains(signal)
    }

    private func die(by number: CInt) {
        signal(number, SIG_DFL)
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, number)
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
        raise(number)
    }

    private func spawn() throws(SystemError) -> pid_t {
        let messages = fcntl(STDERR_FILENO, F_DUPFD, Self.firstDescriptor)
        if messages < 0 { throw SystemError("dup", "standard error") }
        defer { close(messages) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, noise, STDERR_FILENO)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var mask = signalMask
        posix_spawnattr_setsigmask(&attributes, &mask)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let all = ["stadectl", Self.mark, "\(getpid())", "\(messages)"] + words
        var arguments = all.map { strdup($0) } + [nil]
        var environment = ChildProcess.environment().map { strdup($0) } + [nil]
        defer { for word in arguments + environment { free(word) } }
        var child: pid_t = 0
        let program = WorkerCommand.itself.executable
        let code = posix_spawn(&child, program, &actions, &attributes, &arguments, &environment)
        if code != 0 { throw SystemError("start", program, errno: code) }
        return child
    }

    /// Hands on the signals that come meanwhile: a terminal's reach both anyway, kill(1)'s do not.
    private func wait(for child: pid_t) -> ChildProcess.End {
        var status: CInt = 0
        var usage = rusage()
        while true {
            var ready = pollfd(fd: received.descriptor, events: Int16(POLLIN), revents: 0)
            _ = poll(&ready, 1, -1)
            for number in received.take() where number != SIGCHLD { kill(child, number) }
            if wait4(child, &status, WNOHANG, &usage) == child {
                return ChildProcess.End(status: status, peakMemory: usage.ru_maxrss * 1024)
            }
        }
    }

    /// What is to be said of an end that is none of the command's own, and its status.
    private func verdict(_ end: ChildProcess.End) -> (String, ExitCode) {
        let said = lastWords.map { " (\($0))" } ?? ""
        let isMemory =
            // How much of a limit on addresses was in use nobody knows any more.
            end.ranOutOfMemory(memoryLimit == nil ? .max : 0)
            || lastWords.map { text in
                ["memory", "alloc", "map segment"].contains { text.contains($0) }
            } ?? false
        if isMemory {
            let limit =
                memoryLimit.map {
                    "; it may have \(size($0)) (ulimit -v, ulimit -d): raise that, or ask for less"
                } ?? "; the machine has no more"
            return ("ran out of memory\(limit)\(said)", .tryAgain)
        }
        let evidence =
            end.signal == nil ? "ended with status \(end.exitCode)" : end.evidence
        let code: ExitCode =
            switch end.signal {
            case SIGBUS: .io
            case SIGXFSZ: .cannotCreate
            case SIGKILL, SIGXCPU, SIGINT, SIGTERM, SIGHUP, SIGQUIT: .tryAgain
            case nil where end.exitCode == Self.notStarted: .tryAgain
            default: .software
            }
        let advice =
            code == .software ? "; this is a mistake of the program: report it" : end.cause
        return (evidence + advice + said, code)
    }

    /// What the dynamic linker ends with where it cannot load a library.
    private static let notStarted: CInt = 127

    /// The least of what the process may take of memory, in bytes; nil: there is no limit.
    private var memoryLimit: Int? {
        [RLIMIT_AS, RLIMIT_DATA].compactMap { resource in
            var limit = rlimit()
            guard getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0 else { return nil }
            // Without a limit it is as large as the type.
            return Int(exactly: limit.rlim_cur)
        }.min()
    }

    /// The first line of what libraries have written to standard error.
    private var lastWords: String? {
        var bytes = [UInt8](repeating: 0, count: Self.maximumNoise)
        let count = pread(noise, &bytes, bytes.count, 0)
        let line = bytes.prefix(max(0, count)).split(separator: UInt8(ascii: "\n")).first
        return line.map { String(decoding: $0, as: UTF8.self) }
    }
}

/// Where a program's own messages go: standard error, but for a command whose libraries have that
/// for themselves.
enum Diagnostics {
    private static let place = Atomic<CInt>(STDERR_FILENO)

    static var descriptor: CInt { place.load(ordering: .relaxed) }

    static func move(to descriptor: CInt) {
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        place.store(descriptor, ordering: .relaxed)
    }
}

/// Whether whoever started this process has it ignore a signal.
func isIgnored(_ number: CInt) -> Bool {
    var action = sigaction()
    sigaction(number, nil, &action)
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
        == unsafeBitCast(SIG_IGN, to: Int.self)
}

/// Takes the numbers of standard input, output and error where they are closed: a file that is
/// opened later would get them, and messages would be written into it. Reading from that input and
/// writing to those outputs fails as before.
func openStandardDescriptors() {
    for number in STDIN_FILENO...STDERR_FILENO where fcntl(number, F_GETFD) < 0 {
        // The lowest number that is free.
        _ = stade_open("/dev/null", number == STDIN_FILENO ? O_WRONLY : O_RDONLY, 0)
    }
}
