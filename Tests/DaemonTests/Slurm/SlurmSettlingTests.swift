import Glibc
import Posix
import Spool
import Testing

@testable import Daemon

/// What becomes of a job that Slurm had.
@Suite struct SlurmSettlingTests {
    struct Row: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let kind: SlurmEnd.Kind
        var result: WorkerEvent?
        var ending: Worker.Ending?
        var attempts = 1
        var hasKept = false
        var hasSnapshot = false
        let state: JobState
        let reason: String
        var left = 1
        var work = Transition.Work.kept
    }

    static let rows: [Row] = [
        Row(
            testDescription: "cancelled by others", kind: .cancelled, result: .stopped,
            state: .failed,
            reason: "its Slurm job 7 (W) was cancelled, not by stade; 'stadectl retry "
                + "20250101-000000-abcdef' runs it again", work: .discarded),
        Row(
            testDescription: "cancelled by others, with a snapshot", kind: .cancelled,
            hasSnapshot: true, state: .failed,
            reason: "its Slurm job 7 (W) was cancelled, not by stade; 'stadectl retry "
                + "20250101-000000-abcdef' goes on from its snapshot"),
        Row(
            testDescription: "cancelled", kind: .cancelled, ending: .cancelled(uid: 0),
            state: .failed, reason: "cancelled by root", work: .discarded),
        Row(
            testDescription: "held", kind: .cancelled, ending: .held(uid: 0), hasSnapshot: true,
            state: .held, reason: "held by root until it is released", left: 0),
        Row(
            testDescription: "fits nowhere", kind: .impossible, state: .failed,
            reason: "its Slurm job 7 (W) fits on no node; ask for fewer threads or less memory "
                + "(limits)", work: .discarded),
        Row(
            testDescription: "its time was over, and it got further", kind: .interrupted,
            attempts: 3, hasKept: true, hasSnapshot: true, state: .queued,
            reason: "Slurm ended its Slurm job 7 (W); it goes on from its snapshot", left: 0),
        Row(
            testDescription: "its time was over, and it did not", kind: .interrupted,
            attempts: 2, state: .queued,
            reason: "Slurm ended its Slurm job 7 (W); it runs again", left: 2, work: .cleared),
        Row(
            testDescription: "its time was over three times", kind: .interrupted, attempts: 3,
            hasSnapshot: true, state: .failed,
            reason: "Slurm ended its Slurm job 7 (W), and so 3 times before a snapshot was "
                + "written; give it more time (limits.time, executor.slurm.time)", left: 3),
        Row(
            testDescription: "its start failed", kind: .held, hasSnapshot: true, state: .queued,
            reason: "Slurm could not start its Slurm job 7 (W); it goes on from its snapshot"),
        Row(
            testDescription: "its start failed three times", kind: .held, attempts: 3,
            state: .failed,
            reason: "Slurm could not start its Slurm job 7 (W), and so 3 times before a snapshot "
                + "was written; see the log of slurmd on the node", left: 3, work: .discarded),
        Row(
            testDescription: "told to stop in time", kind: .failed, result: .stopped,
            hasKept: true, hasSnapshot: true, state: .queued,
            reason: "Slurm ended its Slurm job 7 (W); it goes on from its snapshot", left: 0),
        Row(
            testDescription: "lost", kind: .failed, hasSnapshot: true, state: .queued,
            reason: "lost: its Slurm job 7 (W) ended without a result"),
        Row(
            testDescription: "forgotten", kind: .forgotten, hasSnapshot: true, state: .queued,
            reason: "lost: its Slurm job 7 (W) is not known to Slurm any more, and left no result"),
        Row(
            testDescription: "lost for the last time", kind: .failed, attempts: 3,
            hasSnapshot: true, state: .failed,
            reason: "lost: its Slurm job 7 (W) ended without a result; given up after 3 "
                + "attempts, see its log", left: 3, work: .discarded),
        Row(
            testDescription: "its own failure", kind: .completed,
            result: .failed(reason: "why", exitCode: 65, memory: nil), state: .failed,
            reason: "why", work: .discarded),
        Row(
            testDescription: "more memory than any machine of the daemon's",
            kind: .completed, result: .failed(reason: "why", exitCode: 78, memory: 1 << 42),
            state: .queued, reason: "waits for 4.0 TiB of memory, which its plan needs",
            left: 0),
    ]

    @Test(arguments: rows) func settling(_ row: Row) {
        var record = JobRecord(
            id: "20250101-000000-abcdef", state: .active, name: "job", file: "job.yaml",
            uid: 1000, submitted: 0)
        record.executor = .slurm
        record.attempts = row.attempts
        record.submission = JobRecord.Submission(count: 1, number: 7)
        let attempt = Attempt(
            record: record, share: Share(threads: 1, memory: 1 << 30), ending: row.ending,
            result: row.result, hasKept: row.hasKept,
            end: ChildProcess.End(status: row.result == nil ? SIGKILL : 0, peakMemory: 0),
            slurm: SlurmEnd(kind: row.kind, number: 7, words: "W"))
        var found = Findings(machineMemory: .max, now: 0)
        found.hasSnapshot = row.hasSnapshot
        let step = Transition.settling(attempt, found)
        #expect(step.state == row.state && step.record.reason == row.reason)
        #expect(step.record.attempts == row.left && step.work == row.work)
        #expect(step.record.submission == record.submission)
    }

    @Test func start_countsSubmissions() {
        var record = JobRecord(
            id: "20250101-000000-abcdef", state: .queued, name: "job", file: "job.yaml",
            uid: 1000, submitted: 0)
        #expect(Transition.start(record).record.submission == nil)
        record.executor = .slurm
        record.submission = JobRecord.Submission(count: 4, number: 7)
        let step = Transition.start(record)
        #expect(step.record.submission == JobRecord.Submission(count: 5))
        #expect(step.record.attempts == 1 && !step.record.isAway)
    }
}
