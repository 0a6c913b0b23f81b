import CLinux
import Glibc
import Manifests
import Posix
import Spool

/// A worker on a node that Slurm has chosen. What it says goes to a file in the job's directory.
extension WorkerProgram {
    /// Seconds for which it waits for an earlier worker that is ending, or whose node is lost: the
    /// file system gives up the lock of such a one after a while.
    private static let patience = 180.0

    /// Makes sure that it is the one worker of the job, and begins to tell.
    /// - Returns: false where the job does not want it any more.
    func begin(_ submission: Int) throws -> Bool {
        guard try isWanted(submission) else { return false }
        let lock = try lockFile()
        // Another one may have been handed over meanwhile, or the job has ended.
        let path = joined(directory, Layout.Job.events)
        guard try isWanted(submission), !Self.hasEnded(submission, path) else {
            close(lock)
            return false
        }
        let flags = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC
        let file = stade_open(path, flags, 0o640)
        if file < 0 || dup2(file, STDOUT_FILENO) < 0 { throw SystemError("open", path) }
        close(file)
        // A worker whose node was lost may have left half a line.
        _ = writeAll([UInt8(ascii: "\n")], to: STDOUT_FILENO)
        say(.started(submission: submission, node: Self.node))
        return true
    }

    /// Whether a worker of the same submission has said its last word: Slurm starts a job once more
    /// of whose end it has not heard.
    private static func hasEnded(_ submission: Int, _ path: String) -> Bool {
        var events = EventFile(path)
        var (isOurs, hasEnded) = (false, false)
        while case let lines = events.lines(), !lines.isEmpty {
            for case let event? in lines.map({ WorkerEvent(line: $0) }) {
                switch event {
                case .started(let count, _): isOurs = count == submission
                case .done, .failed: hasEnded = hasEnded || isOurs
                default: break
                }
            }
        }
        return hasEnded
    }

    private func isWanted(_ submission: Int) throws -> Bool {
        let configuration = try Configuration.read(
            readFile(configurationFile, limit: 1 << 20), file: configurationFile)
        let spool = Spool(path: configuration.spool, inbox: configuration.inbox)
        let id = lastName(directory) ?? ""
        guard let record = try? spool.record(id, .active),
            record.isAway, record.submission?.count == submission
        else {
            Terminal.say(
                "\(escaped(directory)): the job has ended or was submitted anew; this one leaves")
            return false
        }
        return true
    }

    /// The descriptor of the lock, which stays open as long as this process lives. A file, for a
    /// directory is not locked on other nodes.
    private func lockFile() throws(SystemError) -> CInt {
        let path = joined(directory, Layout.Job.workerLock)
        let flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        let descriptor = stade_open(path, flags, 0o640)
        if descriptor < 0 { throw SystemError("open", path) }
        let end = Clock.boot() + Self.patience
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR || errno == EAGAIN,
                Clock.boot() < end
            else {
                let error = SystemError("lock", path, errno: EAGAIN)
                close(descriptor)
                throw error
            }
            usleep(100_000)
        }
        return descriptor
    }

    /// As Slurm calls it, or as it calls itself.
    private static var node: String {
        if let name = getenv("SLURMD_NODENAME") { return escaped(String(cString: name), limit: 64) }
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "unknown" }
        return escaped(
            String(
                decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self),
            limit: 64)
    }
}
