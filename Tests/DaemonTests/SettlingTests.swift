import Glibc
import Pipeline
import Posix
import Reports
import Spool
import Testing

@testable import Daemon

/// What becomes of a job whose worker has gone, without a worker.
@Suite struct SettlingTests {
    /// How a process ended: by a signal or with a status.
    static func end(signal: CInt = 0, status: CInt = 0, peak: Int = 1 << 20) -> ChildProcess.End {
        ChildProcess.End(status: signal != 0 ? signal : status << 8, peakMemory: peak)
    }

    static func attempt(
        _ end: ChildProcess.End, ending: Worker.Ending? = nil, result: WorkerEvent? = nil,
        attempts: Int = 1, block: Int? = nil
    ) -> Attempt {
        var record = JobRecord(
            id: "20250101-000000-abcdef", state: .active, name: "job", file: "job.yaml", uid: 1,
            submitted: 0)
        record.attempts = attempts
        record.peakMemory = 3 << 20
        var attempt = Attempt(
            record: record, share: Share(threads: 1, memory: 2 << 30), ending: ending,
            result: result, end: end)
        if let block {
            var progress = Progress(phase: .pruning, blocks: 4, fraction: 0.5)
            progress.block = block
            attempt.progress = progress
        }
        return attempt
    }

    static let found = Findings(machineMemory: 8 << 30, now: 1000)

    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var attempt: Attempt
        var found = SettlingTests.found
        var state: JobState
        var reason: String?
        var code: ExitCode?
        /// Afterwards.
        var attempts = 1
        var work = Transition.Work.discarded
        var message: Message
    }

    static func failed(_ code: ExitCode, memory: Int? = nil) -> WorkerEvent {
        .failed(reason: "the reason", exitCode: code.rawValue, memory: memory)
    }

    static let withSnapshot: Findings = {
        var found = SettlingTests.found
        found.hasSnapshot = true
        return found
    }()

    static let published: Findings = {
        var found = SettlingTests.found
        found.outputs = [Output(path: "/out")]
        return found
    }()

    static let rows = [
        Row(
            testDescription: "done",
            attempt: attempt(end(), result: .done(["/out"])),
            state: .done, work: .cleared, message: .jobFinished),
        Row(
            testDescription: "killed behind its last rename",
            attempt: attempt(end(signal: SIGKILL), attempts: 3), found: published,
            state: .done, attempts: 3, work: .cleared, message: .jobFinished),
        Row(
            testDescription: "published before it was cancelled",
            attempt: attempt(end(signal: SIGKILL), ending: .cancelled(uid: 0)), found: published,
            state: .done, work: .cleared, message: .jobFinished),
        Row(
            testDescription: "its own error",
            attempt: attempt(end(status: 65), result: failed(.data)),
            state: .failed, reason: "the reason", code: .data, message: .jobFailed),
        Row(
            testDescription: "an error with a status that nobody knows",
            attempt: attempt(
                end(status: 99), result: .failed(reason: "the reason", exitCode: 99, memory: nil)),
            state: .failed, reason: "the reason", code: .software, message: .jobFailed),
        Row(
            testDescription: "cancelled, whatever it said last",
            attempt: attempt(end(status: 75), ending: .cancelled(uid: 0), result: .stopped),
            found: withSnapshot,
            state: .failed, reason: "cancelled by root", code: .tryAgain, message: .jobFailed),
        Row(
            testDescription: "the daemon stops",
            attempt: attempt(end(status: 75), ending: .daemonStops, result: .stopped),
            state: .queued,
            reason: "stopped with the daemon; it runs again when the daemon does", attempts: 0,
            work: .kept, message: .jobStopped),
        Row(
            testDescription: "the daemon stops a worker that has a snapshot",
            attempt: attempt(end(status: 75), ending: .daemonStops, result: .stopped),
            found: withSnapshot,
            state: .queued,
            reason: "stopped with the daemon; it goes on from its snapshot when the daemon does",
            attempts: 0, work: .kept, message: .jobStopped),
        Row(
            testDescription: "the daemon stops a worker that has to be killed",
            attempt: attempt(end(signal: SIGKILL), ending: .daemonStops),
            state: .queued,
            reason: "stopped with the daemon; it runs again when the daemon does", attempts: 0,
            work: .cleared, message: .jobStopped),
        Row(
            testDescription: "its own error while the daemon stops",
            attempt: attempt(end(status: 65), ending: .daemonStops, result: failed(.data)),
            state: .failed, reason: "the reason", code: .data, message: .jobFailed),
        Row(
            testDescription: "no room while the daemon stops",
            attempt: attempt(end(status: 75), ending: .daemonStops, result: failed(.tryAgain)),
            state: .queued,
            reason: "stopped with the daemon; it runs again when the daemon does", attempts: 0,
            work: .kept, message: .jobStopped),
        Row(
            testDescription: "too long by the daemon's limit",
            attempt: attempt(
                end(status: 75), ending: .timeLimit(90), result: .stopped, block: 2),
            state: .failed,
            reason: "took longer than limits.time of the daemon's configuration (2 min) and was "
                + "ended at block 3 of 4; give it more time or less work",
            code: .data, message: .jobFailed),
        Row(
            testDescription: "too long by its own limit, with a snapshot",
            attempt: attempt(end(signal: SIGKILL), ending: .timeLimit(1)),
            found: {
                var found = withSnapshot
                found.setsTime = true
                return found
            }(),
            state: .failed,
            reason: "took longer than limits.time (1 s) and was ended; "
                + "'stadectl retry 20250101-000000-abcdef' goes on from there",
            code: .data, work: .kept, message: .jobFailed),
        Row(
            testDescription: "no room",
            attempt: attempt(end(status: 75), result: failed(.tryAgain)),
            state: .deferred, reason: "the reason", code: .tryAgain, attempts: 0, work: .kept,
            message: .jobDeferred),
        Row(
            testDescription: "needs more memory, which there is",
            attempt: attempt(
                end(status: 78), result: failed(.configuration, memory: 3 << 30)),
            state: .queued, reason: "waits for 3.0 GiB of memory, which its plan needs",
            attempts: 0, work: .kept, message: .jobQueued),
        Row(
            testDescription: "needs more memory than the machine has",
            attempt: attempt(
                end(status: 78), result: failed(.configuration, memory: 9 << 30)),
            state: .failed, reason: "the reason", code: .configuration, message: .jobFailed),
        Row(
            testDescription: "needs more memory than its manifest says",
            attempt: attempt(
                end(status: 78), result: failed(.configuration, memory: 3 << 30)),
            found: {
                var found = SettlingTests.found
                found.setsMemory = true
                return found
            }(),
            state: .failed, reason: "the reason", code: .configuration, message: .jobFailed),
        Row(
            testDescription: "killed",
            attempt: attempt(end(signal: SIGKILL), attempts: 2, block: 0),
            state: .queued,
            reason: "killed by signal 9 (KILL) at block 1 of 4, at most 1.0 MiB of memory in use; "
                + "the system may have run out of memory",
            attempts: 2, work: .cleared, message: .jobRetried),
        Row(
            testDescription: "killed with a snapshot",
            attempt: attempt(end(signal: SIGBUS)), found: withSnapshot,
            state: .queued,
            reason: "killed by signal 7 (BUS), at most 1.0 MiB of memory in use; "
                + "a file may have been cut short while it was read",
            work: .kept, message: .jobRetried),
        Row(
            testDescription: "killed for the last time",
            attempt: attempt(end(signal: SIGSEGV), attempts: 3),
            state: .failed,
            reason: "killed by signal 11 (SEGV), at most 1.0 MiB of memory in use; "
                + "given up after 3 attempts, see its log",
            code: .software, attempts: 3, message: .jobFailed),
        Row(
            testDescription: "killed for the third time, but it got further",
            attempt: {
                var attempt = SettlingTests.attempt(end(signal: SIGSEGV), attempts: 3)
                attempt.hasKept = true
                return attempt
            }(), found: withSnapshot,
            state: .queued,
            reason: "killed by signal 11 (SEGV), at most 1.0 MiB of memory in use", work: .kept,
            message: .jobRetried),
        Row(
            testDescription: "ended without a word",
            attempt: attempt(end(status: 3)),
            state: .queued,
            reason: "its worker ended with status 3 and without a result, at most 1.0 MiB of "
                + "memory in use",
            work: .kept, message: .jobRetried),
        Row(
            testDescription: "killed by its control group",
            attempt: {
                var attempt = SettlingTests.attempt(end(signal: SIGKILL), block: 3)
                attempt.outOfMemoryKills = 1
                return attempt
            }(),
            state: .failed,
            reason: "ran out of memory at block 4 of 4, with 3.0 MiB in use at most; "
                + "raise limits.memory (2.0 GiB now)",
            code: .configuration, message: .jobFailed),
        Row(
            testDescription: "got no more memory",
            attempt: attempt(end(status: OutOfMemory.exitStatus)),
            state: .failed,
            reason: "ran out of memory, with 3.0 MiB in use at most; "
                + "raise limits.memory (2.0 GiB now)",
            code: .configuration, message: .jobFailed),
        Row(
            testDescription: "trapped beyond its share",
            attempt: attempt(end(signal: SIGILL, peak: 3 << 30)),
            state: .failed,
            reason: "ran out of memory, with 3.0 MiB in use at most; "
                + "raise limits.memory (2.0 GiB now)",
            code: .configuration, message: .jobFailed),
    ]

    @Test(arguments: rows) func settling(_ row: Row) throws {
        let step = Transition.settling(row.attempt, row.found)
        #expect(step.state == row.state)
        #expect(step.record.state == .active)
        #expect(step.work == row.work)
        #expect(step.lines.map(\.message) == [row.message])
        #expect(step.record.attempts == row.attempts)
        if step.state != .done {
            #expect(step.record.reason == row.reason)
            #expect(step.record.exitCode == row.code?.rawValue)
            #expect(try #require(step.lines.first).text.hasPrefix("job "))
        } else {
            #expect(step.outputs.map(\.path) == ["/out"])
        }
    }

    @Test func outputsOnTheDisk_countMoreThanTheWorkersWord() {
        let output = Output(path: "/out")
        var found = Self.found
        found.outputs = [output]
        let attempt = Self.attempt(Self.end(), result: .done(["/elsewhere"]))
        #expect(Transition.settling(attempt, found).outputs == [output])
    }

    @Test func deferral_takesLongerEachTime() {
        var attempt = Self.attempt(Self.end(status: 75), result: Self.failed(.tryAgain))
        var waits: [Double] = []
        for _ in 0..<10 {
            let step = Transition.settling(attempt, Self.found)
            waits.append(step.wait)
            #expect(step.record.retryAfter == Self.found.now + step.wait)
            attempt.record = step.record
            attempt.record.attempts += 1
        }
        #expect(waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600])
        attempt.record.deferrals = 1_000_000
        #expect(Transition.settling(attempt, Self.found).wait == 3600)
    }

    @Test func makingRoom_endsWhereTheNextPlanNeedsNoMore() {
        var attempt = Self.attempt(
            Self.end(status: 78), result: Self.failed(.configuration, memory: 3 << 30))
        let step = Transition.settling(attempt, Self.found)
        #expect(step.record.memoryNeeded == 3 << 30)
        attempt.record = step.record
        attempt.record.attempts = 1
        #expect(Transition.settling(attempt, Self.found).state == .failed)
    }
}
