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
        if status != 0 { throw ProgramError(program: executable, status: status, log: log) }
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
        var words = ([executable] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        return posix_spawnp(&child, executable, &actions, nil, &words, environ)
    }
}

/// A program ended otherwise than it should.
struct ProgramError: Failure {
    let program: String
    let status: CInt
    let log: String?

    var exitCode: ExitCode { .software }

    var description: String {
        let signal = status & 0x7f
        let end = signal == 0 ? "exit status \(status >> 8 & 0xff)" : "signal \(signal)"
        let text = log.flatMap { try? readFile($0) }.map { String(decoding: $0, as: UTF8.self) }
        let lines = (text ?? "").split(separator: "\n").suffix(12).map { escaped(String($0)) }
        return (["\(program): \(end)"] + lines).joined(separator: "\n  ")
    }
}
