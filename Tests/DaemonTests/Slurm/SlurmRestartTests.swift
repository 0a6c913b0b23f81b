import Glibc
import Manifests
import Posix
import Spool
import TestSupport
import Testing

@testable import Daemon

/// A daemon that goes while Slurm has its jobs, and the next one.
@Suite struct SlurmRestartTests {
    @Test("fault 88: a stopped daemon leaves its jobs at Slurm, and the next one follows them")
    func stop_leavesThemAndTheNextDaemonFollows() throws {
        let place = try SlurmPlace()
        try place.scratch.start()
        try place.submit("again")
        #expect(eventually { place.scratch.jobs(.active).first?.submission?.number == 1 })
        #expect(eventually { place.scratch.ran == ["again"] })
        place.stop()
        #expect(place.scratch.jobs(.active).count == 1)
        let next = Daemon(try place.scratch.configuration(), place.scratch.options)
        try next.start(readFile(place.scratch.configurationFile))
        try place.slurm.call("requeue", 1)
        #expect(eventually { place.scratch.jobs(.done).count == 1 })
        #expect(place.slurm.names.count == 1)
        next.stop()
        #expect(next.wait() == .done)
    }

    /// Where a daemon that is killed has got with sbatch.
    enum Moment: String, CaseIterable { case called, registered, notCalled }

    @Test(
        "fault 89: a daemon that is killed around sbatch submits nothing twice and loses nothing",
        arguments: Moment.allCases)
    func killedAroundSubmission(_ moment: Moment) throws {
        let place = try SlurmPlace()
        let scratch = place.scratch
        func start(_ log: String) throws -> Program {
            try Program(
                "staded", ["--config", scratch.configurationFile],
                output: joined(scratch.path, log))
        }
        switch moment {
        case .called: try place.slurm.set("late")
        case .registered: try place.slurm.set("slow")
        case .notCalled: try place.slurm.set("away")
        }
        let first = try start("log-1")
        #expect(eventually { access(joined(scratch.spool.path, "lock"), F_OK) == 0 })
        usleep(300_000)
        if moment == .notCalled {
            // Put there by hand: the crash came before sbatch.
            kill(first.identifier, SIGKILL)
            _ = first.wait()
            try scratch.queueByHand("ok")
            place.slurm.clear("away")
        } else {
            try place.submit("ok")
            #expect(eventually { place.slurm.has(moment == .called ? "called" : "1.name") })
            kill(first.identifier, SIGKILL)
            _ = first.wait()
            #expect(scratch.jobs(.active).first?.submission == JobRecord.Submission(count: 1))
        }
        let second = try start("log-2")
        #expect(eventually(within: 40) { scratch.jobs(.done).count == 1 }, "\(second.output)")
        #expect(scratch.ran == ["ok"])
        let id = try #require(scratch.jobs(.done).first?.id)
        #expect(place.slurm.names == ["stade-\(id)-\(moment == .notCalled ? 2 : 1)"])
        kill(second.identifier, SIGTERM)
        #expect(second.wait() == 0)
    }
}
