import Foundation
import Glibc
import Posix
import Spool
import TestSupport

/// One of the built programs, run with its output in a file.
final class Program {
    let identifier: pid_t
    private let file: String
    private var status: CInt?

    /// The directory of the programs: that of this test's own executable.
    private static var directory: String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = max(0, readlink("/proc/self/exe", &buffer, buffer.count))
        let path = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return "/" + path.split(separator: "/").dropLast().joined(separator: "/")
    }

    /// - Parameters:
    ///   - file: where standard output and standard error go.
    ///   - setup: what a shell does before it becomes the program: `trap '' 1`, `ulimit -f 8`.
    init(
        _ name: String, _ arguments: [String], output file: String, environment: [String] = [],
        setup: String? = nil
    ) throws {
        self.file = file
        let program = joined(Self.directory, name)
        let shell = setup.map { ["/bin/sh", "-c", "\($0); exec \"$0\" \"$@\""] } ?? []
        let command = shell + [program] + arguments
        identifier = try startProgram(
            command, output: file, environment: ["PATH=/usr/bin:/bin", "LC_ALL=C"] + environment)
    }

    deinit {
        if status == nil {
            kill(identifier, SIGKILL)
            _ = wait()
        }
    }

    /// The exit status, or 128 and the signal.
    func wait() -> CInt {
        if let status { return status }
        var result: CInt = 0
        while waitpid(identifier, &result, 0) < 0 && errno == EINTR {}
        return note(result)
    }

    /// What `wait` gives, or nil as long as the program runs.
    var ended: CInt? {
        if let status { return status }
        var result: CInt = 0
        return waitpid(identifier, &result, WNOHANG) == identifier ? note(result) : nil
    }

    private func note(_ result: CInt) -> CInt {
        let status = exitStatus(result)
        self.status = status
        return status
    }

    /// The process that does the work of a `stadectl`; nil as long as there is none.
    var attended: pid_t? {
        let path = "/proc/\(identifier)/task/\(identifier)/children"
        let text = String(decoding: (try? readFile(path)) ?? [], as: UTF8.self)
        return text.split(separator: " ").first.flatMap { pid_t($0) }
    }

    /// Whether it is a zombie, or was waited for.
    var hasEnded: Bool {
        if status != nil { return true }
        var info = siginfo_t()
        return waitid(P_PID, id_t(identifier), &info, WEXITED | WNOHANG | WNOWAIT) == 0
            && info.si_signo != 0
    }

    /// Of the main thread and of Dispatch's in the attended process: the signals that they do not
    /// take, bit n - 1 for signal n, as proc_pid_status(5) gives them. The threads of libraries
    /// have the program's name and wait.
    var blockedSignals: [UInt64] {
        guard let identifier = attended else { return [] }
        let directory = "/proc/\(identifier)/task"
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return threads.compactMap { thread in
            guard let bytes = try? readFile("\(directory)/\(thread)/status") else { return nil }
            let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
            func field(_ name: String) -> Substring? {
                lines.first { $0.hasPrefix(name) }?.split(separator: "\t").last
            }
            let isDispatch = field("Name:")?.contains("-qos") ?? false
            guard isDispatch || thread == "\(identifier)" else { return nil }
            return field("SigBlk:").flatMap { UInt64($0, radix: 16) }
        }
    }

    var output: String {
        String(decoding: (try? readFile(file)) ?? [], as: UTF8.self)
    }
}
