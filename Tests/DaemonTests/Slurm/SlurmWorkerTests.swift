import Glibc
import Posix
import Spool
import TestSupport
import Testing

@testable import Daemon

/// The real worker, started as Slurm starts it.
@Suite struct SlurmWorkerTests {
    /// A job that has been handed over once.
    private struct Place {
        let scratch: ScratchDaemon
        let directory: String
        let events: String

        init() throws {
            scratch = try ScratchDaemon(slurm: "")
            try scratch.spool.create()
            try scratch.queueByHand("job")
            directory = scratch.spool.directory(scratch.jobs(.active)[0].id, .active)
            events = joined(directory, "events")
        }

        func worker(_ submission: Int, in directory: String? = nil) throws -> Program {
            try Program(
                "staded",
                [
                    "--worker", directory ?? self.directory, "--config",
                    scratch.configurationFile, "--threads", "1", "--memory", "1073741824",
                    "--submission", "\(submission)",
                ],
                output: joined(scratch.path, "log"), environment: ["SLURMD_NODENAME=n7"])
        }

        /// But how far it is.
        var lines: [WorkerEvent] {
            var file = EventFile(events)
            return file.lines().compactMap { WorkerEvent(line: $0) }.filter {
                if case .progress = $0 { false } else { true }
            }
        }
    }

    @Test func whatItSays_isInItsFile() throws {
        let place = try Place()
        // What a worker has left whose node was lost.
        try writeFile(place.events, Array("{\"event\":\"progr".utf8))
        let worker = try place.worker(1)
        // There is no such model.
        #expect(worker.wait() == ExitCode.noInput.rawValue, "\(worker.output)")
        let lines = place.lines
        #expect(lines.first == .started(submission: 1, node: "n7") && lines.count == 3)
        guard case .peak = lines[1], case .failed(_, let code, _) = lines[2] else {
            Issue.record("\(lines)")
            return
        }
        #expect(code == ExitCode.noInput.rawValue)
    }

    @Test func earlierSubmission_leaves() throws {
        let place = try Place()
        let worker = try place.worker(2)
        #expect(worker.wait() == 0)
        #expect(worker.output.contains("was submitted anew; this one leaves"))
        #expect(access(place.events, F_OK) != 0)
    }

    @Test func endedJob_isLeft() throws {
        let place = try Place()
        let gone = joined(parentPath(place.directory), "20250101-000000-zzzzzz")
        #expect(try place.worker(1, in: gone).wait() == 0)
        let said = WorkerEvent.started(submission: 1, node: "n1").line + WorkerEvent.done([]).line
        try writeFile(place.events, said)
        #expect(try place.worker(1).wait() == 0)
        #expect(place.lines.count == 2)
    }

    @Test("fault 93: two workers of a job never work at the same time")
    func secondWorker_waitsForTheFirst() throws {
        let place = try Place()
        let lock = try File(joined(place.directory, "worker.lock"), O_RDWR | O_CREAT)
        #expect(flock(lock.descriptor, LOCK_EX | LOCK_NB) == 0)
        let worker = try place.worker(1)
        usleep(700_000)
        #expect(worker.ended == nil && access(place.events, F_OK) != 0)
        #expect(flock(lock.descriptor, LOCK_UN) == 0)
        #expect(worker.wait() == ExitCode.noInput.rawValue)
        #expect(place.lines.count == 3)
    }
}
