import CLinux
import Dispatch
import Glibc
import Posix

/// Calls Slurm's programs, one after the other, on a queue of its own: the scheduler waits for none
/// of them. Answers come to the queue that they are for, in the order of the calls.
final class SlurmClient: Sendable {
    private let queue = DispatchQueue(label: "daemon.slurm", qos: .utility)
    private let answers: DispatchQueue

    /// Seconds that a program may take. Slurm's own time for an answer is 10 s, and sbatch tries
    /// again by itself.
    private static let timeout = 30.0
    private static let submissionTimeout = 60.0

    init(answersOn answers: DispatchQueue) { self.answers = answers }

    /// What squeue says of all jobs of this account, or why it says nothing.
    func list(
        _ programs: String,
        _ answer: @escaping @Sendable (Swift.Result<SlurmListing, SlurmTrouble>) -> Void
    ) {
        queue.async { [answers] in
            let command = SlurmCommand(
                executable: joined(programs, "squeue"),
                arguments: [
                    "--noheader", "--local", "--states=all", "--user=\(geteuid())",
                    "--format=\(SlurmListing.format)",
                ], timeout: Self.timeout)
            let result: Swift.Result<SlurmListing, SlurmTrouble>
            switch command.run() {
            case .ended(0, let output, _): result = .success(SlurmListing(output, uid: geteuid()))
            case .ended(let status, _, let errors):
                let text = SlurmReply.line(errors) ?? "squeue ended with status \(status)"
                result = .failure(SlurmTrouble(text: text))
            case .timedOut: result = .failure(SlurmTrouble(text: "squeue did not end in time"))
            case .failed(let text): result = .failure(SlurmTrouble(text: text))
            }
            answers.async { answer(result) }
        }
    }

    /// Calls sbatch, which holds the job's lock as long as it runs, whatever becomes of the daemon.
    func submit(
        _ submission: SlurmSubmission, _ answer: @escaping @Sendable (SlurmReply) -> Void
    ) {
        queue.async { [answers] in
            let reply = Self.submit(submission)
            answers.async { answer(reply) }
        }
    }

    private static func submit(_ submission: SlurmSubmission) -> SlurmReply {
        let directory = submission.directory
        do throws(SystemError) {
            guard let lock = try submitLock(directory) else {
                return .unknown("another sbatch is still at work on it")
            }
            try replaceFile(
                joined(directory, Layout.Job.script), Array(SlurmSubmission.script.utf8))
            // Of an earlier attempt.
            try removeTree(joined(directory, Layout.Job.events))
            return SlurmReply(
                SlurmCommand(
                    executable: joined(submission.settings.programs, "sbatch"),
                    arguments: submission.arguments, timeout: submissionTimeout,
                    keeping: lock.descriptor
                ).run())
        } catch {
            return .unreachable(error.description)
        }
    }

    /// Whether no sbatch is at work on a job, of this daemon or of an earlier one.
    static func isIdle(_ directory: String) -> Bool {
        // What cannot be opened is nobody's.
        guard let lock = try? submitLock(directory) else {
            return access(joined(directory, Layout.Job.submitLock), F_OK) != 0
        }
        _ = lock
        return true
    }

    /// nil where somebody holds it.
    private static func submitLock(_ directory: String) throws(SystemError) -> OpenFile? {
        let path = joined(directory, Layout.Job.submitLock)
        let lock = OpenFile(try File(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK))
        return flock(lock.descriptor, LOCK_EX | LOCK_NB) == 0 ? lock : nil
    }

    /// Asks Slurm to end jobs. Nobody waits for the answer: what has become of them is listed.
    func cancel(_ numbers: [Int], _ programs: String) {
        queue.async {
            _ = SlurmCommand(
                executable: joined(programs, "scancel"), arguments: numbers.map { "\($0)" },
                timeout: Self.timeout
            ).run()
        }
    }
}

/// Why Slurm gives no answer.
struct SlurmTrouble: Error, Sendable, Hashable {
    let text: String
}
