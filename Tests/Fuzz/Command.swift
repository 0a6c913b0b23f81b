import Glibc
import Posix
import TestSupport

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
        let begin = seconds()
        unlink(log)
        let child = try startProgram(
            words, output: log, environment: variables, isGroup: true)
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
            status: exitStatus(status),
            isHung: isHung || computed > Self.computing, seconds: seconds() - begin,
            memory: usage.ru_maxrss / 1024, said: (try? readFile(log, limit: 1 << 20)) ?? [])
    }

    private func seconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
