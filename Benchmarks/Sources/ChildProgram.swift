import Glibc
import Posix

/// A program that runs to its end, to be timed as a whole: from its start to its end, with all that
/// it loads.
struct ChildProgram {
    let executable: String
    let arguments: [String]
    /// Where its output and its errors go; nil: where this program's go.
    var log: String?

    struct End {
        let seconds: Double
        /// The most memory that was resident, in bytes: `ru_maxrss` of wait4(2).
        let peakMemory: Int
    }

    /// - Throws: `ProgramError` where it fails.
    func run() throws -> End {
        var child: pid_t = 0
        var status: CInt = 0
        var usage = rusage()
        let seconds = try elapsed {
            let code = spawn(&child)
            if code != 0 { throw SystemError("start", executable, errno: code) }
            while wait4(child, &status, 0, &usage) < 0 && errno == EINTR {}
        }
        if status != 0 { throw ProgramError(program: executable, wait: status, log: log) }
        return End(seconds: seconds, peakMemory: usage.ru_maxrss * 1024)
    }

    private func spawn(_ child: inout pid_t) -> CInt {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let log {
            let flags = O_WRONLY | O_CREAT | O_TRUNC
            posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log, flags, 0o644)
            posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
        }
        // This program ignores interrupts, its parts must not.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var interrupt = sigset_t()
        sigemptyset(&interrupt)
        sigaddset(&interrupt, SIGINT)
        posix_spawnattr_setsigdefault(&attributes, &interrupt)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
        var words = ([executable] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        return posix_spawnp(&child, executable, &actions, &attributes, &words, environ)
    }
}

/// A program ended otherwise than it should.
struct ProgramError: Failure {
    let program: String
    /// As from wait(2).
    let wait: CInt
    let log: String?

    /// As a shell has it.
    var status: CInt { wait & 0x7f == 0 ? wait >> 8 & 0xff : 128 + wait & 0x7f }

    var exitCode: ExitCode { .software }

    var description: String {
        let end = status < 128 ? "exit status \(status)" : "signal \(status - 128)"
        let text = log.flatMap { try? readFile($0) }.map { String(decoding: $0, as: UTF8.self) }
        let lines = (text ?? "").split(separator: "\n").suffix(12).map { escaped(String($0)) }
        return (["\(program): \(end)"] + lines).joined(separator: "\n  ")
    }
}
