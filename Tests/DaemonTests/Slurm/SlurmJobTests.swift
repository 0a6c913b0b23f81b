import Glibc
import Posix
import Spool
import TestSupport
import Testing

@testable import Daemon

/// What is done about a job by what Slurm and its worker say, without either.
@Suite struct SlurmJobTests {
    static let id = "20250101-000000-abcdef"

    static func job(_ phase: SlurmJob.Phase, number: Int? = nil) -> SlurmJob {
        var record = JobRecord(
            id: id, state: .active, name: "job", file: "job.yaml", uid: 1000, submitted: 0)
        record.executor = .slurm
        record.attempts = 1
        record.submission = JobRecord.Submission(count: 1, number: number)
        return SlurmJob(
            record, share: Share(threads: 1, memory: 1 << 30), time: nil, directory: "/d",
            phase: phase)
    }

    static func listing(_ line: String?) -> SlurmListing {
        SlurmListing(line.map { "\($0)\n" } ?? "", uid: 0)
    }

    static let pending = "7|PENDING|0|stade-\(id)-1||Priority"
    static let held = "7|PENDING|0|stade-\(id)-1||launch failed requeued held"
    static let running = "7|RUNNING|0|stade-\(id)-1|n1|None"
    static let failed = "7|FAILED|0|stade-\(id)-1|n1|NonZeroExitCode"
    static let cancelled = "7|CANCELLED|0|stade-\(id)-1||None"

    struct Row: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let job: SlurmJob
        var events: [WorkerEvent] = []
        let line: String?
        var isIdle = true
        var now = 0.0
        let step: SlurmJob.Step
        var number: Int?
    }

    static let found = SlurmEnd(kind: .failed, number: 7, words: "FAILED, NonZeroExitCode")
    static let start = WorkerEvent.started(submission: 1, node: "n1")

    static let rows: [Row] = [
        Row(testDescription: "not asked yet", job: job(.waiting), line: running, step: .nothing),
        Row(testDescription: "sbatch at work", job: job(.submitting), line: nil, step: .nothing),
        Row(
            testDescription: "looked for and found", job: job(.finding(since: 0)), line: running,
            step: .record, number: 7),
        Row(
            testDescription: "looked for and found at its end", job: job(.finding(since: 0)),
            events: [start, .stopped], line: failed, step: .record, number: 7),
        Row(
            testDescription: "looked for in vain, not for long", job: job(.finding(since: 0)),
            line: nil, now: 4, step: .nothing),
        Row(
            testDescription: "looked for in vain", job: job(.finding(since: 0)), line: nil, now: 6,
            step: .submitAnew),
        Row(
            testDescription: "looked for in vain while an sbatch is at work",
            job: job(.finding(since: 0)), line: nil, isIdle: false, now: 60, step: .nothing),
        Row(
            testDescription: "looked for in vain, and cancelled",
            job: ended(job(.finding(since: 0))), line: nil, now: 6,
            step: .end(SlurmEnd(kind: .unsubmitted))),
        Row(
            testDescription: "has run, and Slurm has forgotten it", job: job(.finding(since: 0)),
            events: [start, .stopped], line: nil, now: 6, step: .end(SlurmEnd(kind: .forgotten))),
        Row(
            testDescription: "another account's or number's is not it",
            job: job(.finding(since: 0)), line: "7|RUNNING|1|stade-\(id)-1|n1|None",
            step: .nothing),
        Row(
            testDescription: "waits", job: job(.handed, number: 7), line: pending, step: .record,
            number: 7),
        Row(
            testDescription: "runs", job: job(.handed, number: 7), line: running, step: .nothing,
            number: 7),
        Row(
            testDescription: "ended with its worker's word", job: job(.handed, number: 7),
            events: [start, .stopped], line: failed, step: .end(found), number: 7),
        Row(
            testDescription: "ended without a word, which may come", job: job(.handed, number: 7),
            events: [start], line: failed, step: .nothing, number: 7),
        Row(
            testDescription: "cancelled before it started", job: job(.handed, number: 7),
            line: cancelled,
            step: .end(SlurmEnd(kind: .cancelled, number: 7, words: "CANCELLED")), number: 7),
        Row(
            testDescription: "its start has failed, and Slurm holds it",
            job: job(.handed, number: 7), line: held,
            step: .end(
                SlurmEnd(kind: .held, number: 7, words: "PENDING, launch failed requeued held")),
            number: 7),
        Row(
            testDescription: "its number is another's", job: job(.handed, number: 7),
            line: "7|RUNNING|0|stade-other-1|n1|None", step: .nothing, number: 7),
    ]

    private static func ended(_ job: SlurmJob) -> SlurmJob {
        var job = job
        job.end(.cancelled(uid: 0))
        return job
    }

    @Test(arguments: rows) func look(_ row: Row) {
        var job = row.job
        for event in row.events { _ = job.take(event) }
        let step = job.look(at: Self.listing(row.line), isIdle: row.isIdle, now: row.now)
        #expect(step == row.step)
        #expect(job.number == row.number)
    }

    @Test func silence_isAnEndAfterAWhile() {
        var job = Self.job(.handed, number: 7)
        let looks: [(String?, Double)] = [
            (nil, 10), (nil, 12),
            // It was only late.
            (Self.running, 13), (nil, 14), (nil, 17.5),
        ]
        let steps = looks.map { job.look(at: Self.listing($0.0), isIdle: true, now: $0.1) }
        let end = SlurmJob.Step.end(SlurmEnd(kind: .forgotten, number: 7))
        #expect(steps == [.nothing, .nothing, .nothing, .nothing, end])
    }

    @Test func sbatchAtWork_beginsTheSearchAnew() {
        var job = Self.job(.finding(since: 0))
        let steps = [(false, 60), (true, 64), (true, 65.5)].map {
            job.look(at: Self.listing(nil), isIdle: $0.0, now: $0.1)
        }
        #expect(steps == [.nothing, .nothing, .submitAnew])
        job.renew()
        #expect(job.record.submissionName == "stade-\(Self.id)-2" && job.phase == .waiting)
    }

    @Test func events_countFromTheStartOfTheRightSubmission() {
        var job = Self.job(.handed, number: 7)
        func heard(_ events: WorkerEvent...) -> [Bool] { events.map { job.take($0) } }
        let other = WorkerEvent.started(submission: 2, node: "n1")
        #expect(heard(.done(["/x"]), other, .done(["/x"])) == [false, false, false])
        #expect(job.result == nil && job.node == nil && job.isPending)
        #expect(heard(Self.start, .stopped) == [true, true])
        #expect(job.node == "n1" && !job.isPending && job.result == .stopped && !job.hasLastWord)
        // Slurm has started it again on another node.
        #expect(heard(.started(submission: 1, node: "n2"), .peak(5)) == [true, true])
        #expect(job.result == nil && job.record.peakMemory == 5 && job.node == "n2")
        #expect(heard(.done(["/x"])) == [true] && job.hasLastWord)
        // Slurm has not heard of its end, and starts it once more.
        #expect(heard(Self.start, .stopped) == [false, false] && job.hasLastWord)
    }

    @Test func reasonForWaiting_isRecordedWhereItChanges() {
        var job = Self.job(.handed, number: 7)
        let steps = [0, 1].map {
            job.look(at: Self.listing(Self.pending), isIdle: true, now: $0)
        }
        #expect(steps == [.record, .nothing])
        #expect(job.record.reason == "waits at Slurm as its job 7 (PENDING, Priority)")
        _ = job.take(Self.start)
        #expect(job.record.reason == nil)
    }

    @Test func strays_areEndedAfterAWhileOnce() {
        var strays = SlurmStrays()
        var job = Self.job(.finding(since: 0))
        job.renew()
        let listing = SlurmListing(
            """
            7|PENDING|0|stade-\(Self.id)-1||None
            8|RUNNING|0|stade-\(Self.id)-2|n1|None
            9|RUNNING|0|stade-20250101-000000-zzzzzz-1|n1|None
            6|CANCELLED|0|stade-\(Self.id)-1||None
            """, uid: 0)
        let found = [0.0, 19, 21, 60].map { strays.look(at: listing, [Self.id: job], $0) }
        #expect(found == [[], [], [7], []])
    }

    @Test func pace_asksMoreSeldomWhereThereIsNoAnswer() {
        var pace = SlurmPace(interval: 5)
        #expect(!pace.isDue(0, isNeeded: false) && pace.isDue(0, isNeeded: true))
        var (now, waits): (Double, [Double]) = (0, [])
        for index in 0..<7 {
            pace.begin()
            #expect(!pace.isDue(now, isNeeded: true))
            let change = pace.fail("why", now)
            #expect(change == (index == 0 ? SlurmPace.Change(trouble: "why") : nil))
            let start = now
            while !pace.isDue(now, isNeeded: false) { now += 1 }
            waits.append(now - start)
            pace.hurry()
        }
        #expect(waits == [5, 10, 20, 40, 60, 60, 60])
        pace.begin()
        let back = pace.succeed(now, isUrgent: false)
        #expect(back == SlurmPace.Change(trouble: nil))
        #expect(pace.trouble == nil && !pace.isWaiting)
        #expect(!pace.isDue(now + 4, isNeeded: true) && pace.isDue(now + 5, isNeeded: true))
        let refused = pace.failSubmission("no", now)
        #expect(refused == SlurmPace.Change(trouble: "no"))
        #expect(!pace.maySubmit(now + 4) && pace.maySubmit(now + 5))
        let taken = pace.succeedSubmission()
        #expect(taken == SlurmPace.Change(trouble: nil))
    }

    @Test func eventFile_givesWholeLinesOnce() throws {
        let scratch = try Scratch()
        let path = scratch["events"]
        func add(_ text: String) throws {
            let file = try File(path, O_WRONLY | O_CREAT | O_APPEND)
            #expect(write(file.descriptor, text, text.utf8.count) == text.utf8.count)
        }
        var events = EventFile(path)
        func lines() -> [String] { events.lines().map { String(decoding: $0, as: UTF8.self) } }
        #expect(lines() == [])
        try add("\none\ntw")
        #expect(lines() == ["one"] && lines() == [])
        try add("o\n" + String(repeating: "x", count: 70000) + "\nthree\n")
        #expect(lines() == ["two", "three"])
        // A new file has its name.
        try writeFile(path, Array("four\n".utf8))
        #expect(lines() == ["four"])
        unlink(path)
        #expect(symlink("/etc/passwd", path) == 0 && lines() == [])
    }
}
