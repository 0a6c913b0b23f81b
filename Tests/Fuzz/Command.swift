import Glibc
import Posix

/// A program that runs to its end, with what it said.
struct Command {
    /// Longer is a hang, whatever else the machine has to do.
    private static let patience = 20.0
    /// Seconds of computing; what waits for others' is not its fault.
    private static let computing = 5.0

    let words: [String]
    /// Where its output and its errors go.
    let log: String
    let variables: [String]

    struct End {
        /// Exit status, or 128 and the signal.
        let status: CInt
        let isHung: Bool
        let seconds: Double
        /// MiB that were resident at most, in it or a process that it waited for.
        let memory: Int
        let said: [UInt8]
    }

    func run() throws -> End {
        var child: pid_t = 0
        let begin = seconds()
        let code = spawn(&child)
        if code != 0 { throw SystemError("start", words[0], errno: code) }
        var status: CInt = 0
        var usage = rusage()
        var isHung = false
        while wait4(child, &status, WNOHANG, &usage) == 0 {
            if seconds() - begin > Self.patience, !isHung {
                isHung = true
                // Its group: a shell has children.
                kill(-child, SIGKILL)
            }
            usleep(1000)
        }
        let computed =
            Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
            + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
        return End(
            status: status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f,
            isHung: isHung || computed > Self.computing, seconds: seconds() - begin,
            memory: usage.ru_maxrss / 1024, said: (try? readFile(log, limit: 1 << 20)) ?? [])
    }

    private func seconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private func spawn(_ child: inout pid_t) -> CInt {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(
            &actions, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        var arguments = words.map { strdup($0) } + [nil]
        var environment = variables.map { strdup($0) } + [nil]
        defer { for word in arguments + environment { free(word) } }
        return posix_spawn(&child, words[0], &actions, &attributes, &arguments, &environment)
    }
}
