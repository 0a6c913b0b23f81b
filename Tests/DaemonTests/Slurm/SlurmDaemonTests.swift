import Glibc
import Manifests
import Posix
import Spool
import TestSupport
import Testing

@testable import Daemon

/// A daemon whose jobs a Slurm of shell scripts runs.
@Suite struct SlurmDaemonTests {
    @Test func jobs_runAtSlurmBesideLocalOnes() throws {
        let place = try SlurmPlace("nodes: 2, partition: long, options: [--qos=high]")
        try place.scratch.start()
        try place.scratch.submit("hang")
        for name in ["ok-1", "ok-2", "ok-3", "bad"] { try place.submit(name) }
        // The local job takes none of the nodes, and theirs none of the machine.
        #expect(
            eventually {
                place.scratch.jobs(.done).count == 3 && place.scratch.jobs(.failed).count == 1
            })
        #expect(place.scratch.jobs(.active).map(\.name) == ["hang"])
        #expect(place.scratch.jobs(.failed).first?.reason == "tensor x is NaN")
        #expect(place.scratch.ran.sorted() == ["bad", "hang", "ok-1", "ok-2", "ok-3"])
        for job in place.scratch.jobs(.done) {
            #expect(
                place.scratch.spool.outputs(job).map(\.path) == [
                    "\(place.scratch.path)/out-\(job.name)"
                ])
            #expect(job.submission?.count == 1 && job.submission?.number != nil)
        }
        let calls = place.slurm.calls
        #expect(calls.count == 4)
        #expect(calls.allSatisfy { $0.hasPrefix("--qos=high --partition=long --parsable ") })
        place.stop()
    }

    @Test("fault 83: a Slurm that does not answer is waited for and said once")
    func away_waitsAndSubmitsOnce() throws {
        let place = try SlurmPlace()
        try place.slurm.set("away")
        try place.scratch.start()
        func holds(_ condition: (DaemonStatus) -> Bool) -> Bool {
            eventually {
                place.scratch.daemon.turns.queue.sync { condition(place.scratch.daemon.status) }
            }
        }
        #expect(holds { $0.text.contains("Slurm does not answer: ") })
        try place.submit("ok-1")
        try place.submit("ok-2")
        #expect(holds { $0.queued == 2 && $0.running.isEmpty })
        usleep(500_000)
        let counts = place.scratch.daemon.turns.queue.sync { place.scratch.daemon.status.events }
        #expect(counts[.slurmLost] == 1 && counts[.slurmBack] == nil)
        place.slurm.clear("away")
        #expect(eventually { place.scratch.jobs(.done).count == 2 })
        #expect(place.slurm.calls.count == 2)
        let status = place.scratch.daemon.turns.queue.sync { place.scratch.daemon.status }
        #expect(status.events[.slurmBack] == 1 && status.slurm == nil)
        place.stop()
    }

    @Test("fault 84: jobs go on while Slurm's controller is away")
    func away_whileAJobRuns() throws {
        let place = try SlurmPlace()
        try place.scratch.start()
        try place.submit("hang")
        #expect(eventually { place.scratch.ran == ["hang"] })
        try place.slurm.set("away")
        #expect(
            eventually {
                place.scratch.daemon.turns.queue.sync { place.scratch.daemon.status.slurm != nil }
            })
        #expect(place.scratch.jobs(.active).count == 1)
        try place.scratch.ask(.cancel, place.scratch.jobs(.active)[0].id)
        usleep(300_000)
        #expect(place.scratch.jobs(.active).count == 1)
        place.slurm.clear("away")
        #expect(eventually { place.scratch.jobs(.failed).count == 1 })
        #expect(place.scratch.jobs(.failed)[0].reason?.hasPrefix("cancelled by ") == true)
        #expect(place.scratch.ran == ["hang"])
        place.stop()
    }

    @Test("fault 85: Slurm's time limit: the job goes on in another job of Slurm's")
    func timeLimit_goesOnFromTheSnapshot() throws {
        let place = try SlurmPlace("time: 1h, margin: 60s")
        try place.scratch.start()
        try place.submit("slice", "limits: {time: 10m, threads: 3, memory: 1GiB}")
        #expect(eventually { place.scratch.ran == ["slice"] })
        #expect(place.slurm.calls[0].contains(" --time=10 "))
        #expect(place.slurm.calls[0].contains(" --signal=B:TERM@60 "))
        #expect(place.slurm.calls[0].contains(" --cpus-per-task=3 --mem=2305M "))
        #expect(
            eventually { place.text("events", of: place.scratch.jobs(.active)[0]).contains("kept") }
        )
        try place.slurm.signal(1, SIGTERM)
        #expect(eventually { place.scratch.jobs(.done).count == 1 })
        #expect(place.scratch.ran == ["slice", "slice"])
        let done = place.scratch.jobs(.done)[0]
        #expect(place.slurm.names == ["stade-\(done.id)-1", "stade-\(done.id)-2"])
        #expect(done.changes.map(\.state) == [.queued, .active, .queued, .active, .done])
        let reason = try #require(done.changes[2].reason)
        #expect(
            reason.hasPrefix("Slurm ended its Slurm job 1 (FAILED, NonZeroExitCode) at block 3"))
        place.stop()
    }

    @Test("fault 86: a job that its time limit ends before any snapshot fails in the end")
    func timeLimit_withoutProgress() throws {
        let place = try SlurmPlace()
        try place.scratch.start()
        try place.submit("stuck")
        for attempt in 1...3 {
            #expect(
                eventually {
                    place.scratch.ran.count == attempt
                        && place.scratch.jobs(.active).first.map {
                            place.text("events", of: $0).contains("ready")
                        } == true
                })
            #expect(eventually { place.slurm.has("\(attempt).process") })
            try place.slurm.signal(attempt, SIGTERM)
        }
        #expect(eventually { place.scratch.jobs(.failed).count == 1 })
        let reason = try #require(place.scratch.jobs(.failed)[0].reason)
        #expect(reason.contains("and so 3 times before a snapshot was written; give it more time"))
        place.stop()
    }

    @Test("fault 87: a lost node: Slurm starts the job again under its number")
    func requeue_isFollowed() throws {
        let place = try SlurmPlace()
        try place.scratch.start()
        try place.submit("again")
        #expect(eventually { place.scratch.ran == ["again"] })
        try place.slurm.call("requeue", 1)
        #expect(eventually { place.scratch.jobs(.done).count == 1 })
        #expect(place.scratch.ran == ["again", "again"] && place.slurm.names.count == 1)
        #expect(place.scratch.jobs(.done)[0].submission?.count == 1)
        place.stop()
    }

    @Test func startThatFails_isEndedAtSlurmAndSubmittedAnew() throws {
        let place = try SlurmPlace()
        try place.slurm.set("pending")
        try place.scratch.start()
        try place.submit("ok")
        #expect(eventually { place.slurm.names.count == 1 })
        try place.slurm.set("1.held")
        #expect(eventually { place.slurm.names.count == 2 })
        let state = try readFile(joined(place.slurm.path, "1.state"))
        #expect(String(decoding: state, as: UTF8.self) == "CANCELLED\n")
        try place.slurm.call("start", 2)
        #expect(eventually { place.scratch.jobs(.done).count == 1 })
        #expect(place.scratch.ran == ["ok"])
        place.stop()
    }

    @Test func workerThatDies_isTriedAgain() throws {
        let place = try SlurmPlace()
        try place.scratch.start()
        try place.submit("crash")
        #expect(eventually(within: 60) { place.scratch.jobs(.failed).count == 1 })
        #expect(place.scratch.ran == ["crash", "crash", "crash"])
        let reason = try #require(place.scratch.jobs(.failed)[0].reason)
        #expect(reason.hasPrefix("lost: its Slurm job 3 (FAILED, NonZeroExitCode) ended without a"))
        #expect(reason.hasSuffix("given up after 3 attempts, see its log"))
        place.stop()
    }

    @Test func cancel_endsWithinSeconds() throws {
        let place = try SlurmPlace()
        try place.scratch.start()
        try place.submit("hang")
        #expect(eventually { place.scratch.ran == ["hang"] })
        let start = Clock.boot()
        try place.scratch.ask(.cancel, place.scratch.jobs(.active)[0].id)
        #expect(eventually { place.scratch.jobs(.failed).count == 1 })
        #expect(Clock.boot() - start < 10)
        #expect(place.scratch.jobs(.failed)[0].reason?.hasPrefix("cancelled by ") == true)
        place.stop()
    }

    @Test func cancelledByOthers_failsAndIsNotRunAgain() throws {
        let place = try SlurmPlace()
        try place.scratch.start()
        try place.submit("hang")
        #expect(eventually { place.scratch.ran == ["hang"] })
        #expect(eventually { place.slurm.has("1.process") })
        try place.slurm.call("scancel", 1)
        #expect(eventually { place.scratch.jobs(.failed).count == 1 })
        let reason = try #require(place.scratch.jobs(.failed)[0].reason)
        #expect(reason.contains("its Slurm job 1 (CANCELLED) was cancelled"))
        #expect(reason.contains("not by stade; 'stadectl retry "))
        #expect(place.slurm.names.count == 1)
        place.stop()
    }

    @Test func hold_takesAWaitingJobBackAndReleaseHandsItOver() throws {
        let place = try SlurmPlace()
        try place.slurm.set("pending")
        try place.scratch.start()
        try place.submit("ok")
        #expect(
            eventually {
                place.scratch.jobs(.active).first?.reason
                    == "waits at Slurm as its job 1 (PENDING, Priority)"
            })
        let id = place.scratch.jobs(.active)[0].id
        try place.scratch.ask(.hold, id)
        #expect(eventually { place.scratch.jobs(.held).map(\.id) == [id] })
        #expect(place.scratch.ran.isEmpty)
        place.slurm.clear("pending")
        try place.scratch.ask(.release, id)
        #expect(eventually { place.scratch.jobs(.done).map(\.id) == [id] })
        #expect(place.scratch.ran == ["ok"])
        #expect(place.slurm.names == ["stade-\(id)-1", "stade-\(id)-2"])
        place.stop()
    }

    @Test func refusedBySlurm_failsWithSlurmsReason() throws {
        let place = try SlurmPlace()
        try place.slurm.set("refuse")
        try place.scratch.start()
        try place.submit("ok")
        #expect(eventually { place.scratch.jobs(.failed).count == 1 })
        let failed = place.scratch.jobs(.failed)[0]
        #expect(
            failed.reason
                == "Slurm refuses the job: Batch job submission failed: Invalid partition "
                + "name")
        #expect(failed.exitCode == ExitCode.configuration.rawValue && place.scratch.ran.isEmpty)
        place.stop()
    }

    @Test func planThatNeedsMore_isSubmittedWithIt() throws {
        let place = try SlurmPlace("memory: 1MiB")
        try place.scratch.start()
        try place.submit("large")
        #expect(eventually { place.scratch.jobs(.done).count == 1 })
        #expect(place.slurm.calls.count == 2)
        #expect(place.slurm.calls[0].contains(" --mem=1026M "))
        #expect(place.slurm.calls[1].contains(" --mem=1028M "))
        place.stop()
    }

    @Test func executorThatIsNotOffered_isRefusedByName() throws {
        let scratch = try ScratchDaemon()
        try scratch.start()
        try scratch.submit("ok", "executor: slurm")
        #expect(eventually { scratch.jobs(.failed).count == 1 })
        #expect(
            scratch.jobs(.failed)[0].reason == "executor is slurm, and this daemon offers none "
                + "(executor.slurm of the daemon's configuration)")
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }
}
