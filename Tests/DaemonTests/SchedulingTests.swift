import Daemon
import Glibc
import Posix
import Spool
import Testing

@Suite struct SchedulingTests {
    @Test func threeManifests_oneBroken() throws {
        let scratch = try ScratchDaemon()
        try scratch.start()
        try scratch.submit("ok-1")
        try scratch.drop("broken.yaml", "version: 1\nmodel: [x\n")
        try scratch.submit("ok-2")
        #expect(eventually { scratch.jobs(.done).count == 2 && scratch.jobs(.failed).count == 1 })
        #expect(scratch.jobs(.done).map(\.name) == ["ok-1", "ok-2"])
        #expect(scratch.jobs(.failed).first?.reason?.hasPrefix("broken.yaml:") == true)
        let done = try #require(scratch.jobs(.done).first)
        #expect(scratch.spool.outputs(done).map(\.path) == [joined(scratch.path, "out-ok-1")])
        let log = joined(scratch.spool.directory(done.id, .done), "log")
        #expect(try readFile(log) == Array("working on ok-1\n".utf8))
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test("fault 51: a killed worker ends its own job only, with its peak")
    func killedWorker_isRetriedThenFailsAndTheNextRuns() throws {
        let scratch = try ScratchDaemon()
        try scratch.start()
        try scratch.submit("crash")
        try scratch.submit("ok")
        #expect(eventually { scratch.jobs(.done).count == 1 && scratch.jobs(.failed).count == 1 })
        #expect(scratch.ran == ["crash", "crash", "crash", "ok"])
        let failed = try #require(scratch.jobs(.failed).first)
        #expect(failed.attempts == 3 && failed.exitCode == 70)
        let reason = try #require(failed.reason)
        #expect(reason.contains("killed by signal 9 (KILL) at block 3 of 4"))
        #expect(reason.contains(" of memory in use; the system may have run out of memory"))
        let partial = joined(scratch.path, ".stade-\(failed.id).partial")
        #expect(eventually { access(partial, F_OK) != 0 })
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test func workerWithoutAResult_isACrash() throws {
        let scratch = try ScratchDaemon()
        try scratch.start()
        try scratch.submit("silent")
        #expect(eventually { scratch.jobs(.failed).count == 1 })
        #expect(scratch.jobs(.failed).first?.reason?.contains("status 3") == true)
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test func workerThatDiesAfterPublishing_isDone() throws {
        let scratch = try ScratchDaemon()
        try scratch.start()
        try scratch.submit("published")
        #expect(eventually { scratch.jobs(.done).count == 1 })
        #expect(scratch.ran == ["published"])
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test func jobsOwnError_failsAtOnce() throws {
        let scratch = try ScratchDaemon()
        try scratch.start()
        try scratch.submit("bad")
        #expect(eventually { scratch.jobs(.failed).count == 1 })
        let failed = try #require(scratch.jobs(.failed).first)
        #expect(failed.reason == "tensor x is NaN" && failed.exitCode == 65)
        #expect(scratch.ran == ["bad"])
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test func fullDisk_putsTheJobOff() throws {
        let scratch = try ScratchDaemon()
        try scratch.start()
        try scratch.submit("full")
        #expect(eventually { scratch.jobs(.deferred).count == 1 })
        let deferred = try #require(scratch.jobs(.deferred).first)
        #expect(deferred.reason == "no room" && deferred.deferrals == 1 && deferred.attempts == 0)
        let wait = try #require(deferred.retryAfter) - deferred.since
        #expect((29...31).contains(wait))
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
        // What was in the way may be gone after a restart.
        let again = try ScratchDaemon()
        #expect(try again.spool.create() == ())
        #expect(
            rename(
                scratch.spool.directory(deferred.id, .deferred),
                again.spool.directory(deferred.id, .deferred)) == 0)
        try again.start()
        #expect(eventually { again.jobs(.deferred).first?.deferrals == 2 })
        again.daemon.stop()
        #expect(again.daemon.wait() == .done)
    }

    @Test("fault 45: a stopped daemon queues its job again", arguments: ["hang", "stubborn"])
    func stop_putsTheJobBack(_ name: String) throws {
        let scratch = try ScratchDaemon(grace: name == "hang" ? 10 : 0.5)
        try scratch.start()
        try scratch.submit(name)
        #expect(eventually { scratch.ran == [name] })
        let started = Clock.boot()
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
        #expect(Clock.boot() - started < 8)
        #expect(scratch.jobs(.queued).map(\.name) == [name])
        #expect(scratch.jobs(.queued).first?.attempts == 0)
        #expect(scratch.jobs(.active).isEmpty)
    }

    @Test("fault 52: a hung worker is ended at its time limit")
    func timeLimit_endsEvenAStubbornWorker() throws {
        let scratch = try ScratchDaemon(grace: 0.5)
        try scratch.start()
        try scratch.submit("stubborn", "limits: {time: 1s}")
        #expect(eventually { scratch.jobs(.failed).count == 1 })
        #expect(scratch.jobs(.failed).first?.reason?.contains("limits.time (1 s)") == true)
        #expect(scratch.ran.count == 1)
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test func priorityComesBeforeAge() throws {
        let scratch = try ScratchDaemon()
        try scratch.start()
        // As long as it runs, the others wait, however long each takes to be claimed.
        try scratch.submit("hang")
        #expect(eventually { scratch.ran == ["hang"] })
        let waiting = [
            ("ok-low", "priority: -1"), ("ok-first", ""), ("ok-second", ""),
            ("ok-high", "priority: 5"),
        ]
        for (index, (name, priority)) in waiting.enumerated() {
            try scratch.submit(name, priority)
            #expect(eventually { scratch.jobs(.queued).count == index + 1 })
        }
        try scratch.ask(.cancel, try #require(scratch.jobs(.active).first).id)
        #expect(eventually { scratch.jobs(.done).count == 4 })
        #expect(scratch.ran == ["hang", "ok-high", "ok-first", "ok-second", "ok-low"])
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test func limits_boundWhatRuns() throws {
        let scratch = try ScratchDaemon("{jobs: 2}")
        try scratch.start()
        for index in 0..<4 { try scratch.submit("hang-\(index)") }
        #expect(eventually { scratch.ran.count == 2 && scratch.jobs(.queued).count == 2 })
        usleep(200_000)
        #expect(scratch.jobs(.active).count == 2)
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
        #expect(scratch.jobs(.queued).count == 4)
    }

    @Test func requests_areGranted() throws {
        let scratch = try ScratchDaemon()
        try scratch.start()
        try scratch.submit("hang")
        #expect(eventually { scratch.ran == ["hang"] })
        try scratch.submit("ok")
        #expect(eventually { scratch.jobs(.queued).count == 1 })
        let (hang, ok) = (scratch.jobs(.active)[0].id, scratch.jobs(.queued)[0].id)
        try scratch.ask(.hold, ok)
        #expect(eventually { scratch.jobs(.held).map(\.id) == [ok] })
        try scratch.ask(.cancel, hang)
        #expect(eventually { scratch.jobs(.failed).map(\.id) == [hang] })
        #expect(scratch.jobs(.failed)[0].reason?.hasPrefix("cancelled by ") == true)
        #expect(scratch.ran == ["hang"])
        try scratch.ask(.release, ok)
        #expect(eventually { scratch.jobs(.done).map(\.id) == [ok] })
        try scratch.ask(.retry, hang)
        #expect(eventually { scratch.ran == ["hang", "ok", "hang"] })
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test("fault 56: an inbox that vanishes is attached again")
    func inbox_thatVanishesAndComesBack() throws {
        let scratch = try ScratchDaemon()
        try scratch.start()
        #expect(rename(scratch.spool.inbox, scratch.spool.inbox + ".away") == 0)
        usleep(300_000)
        #expect(mkdir(scratch.spool.inbox, 0o750) == 0)
        try scratch.submit("ok")
        #expect(eventually { scratch.jobs(.done).count == 1 })
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test("fault 61: a wrong configuration is not taken on reload")
    func reload_takesARightConfigurationAndRefusesAWrongOne() throws {
        let scratch = try ScratchDaemon("{threads: 1, memory: 1GiB}")
        try scratch.start()
        for index in 0..<3 { try scratch.submit("hang-\(index)") }
        #expect(eventually { scratch.ran.count == 1 })
        try writeFile(scratch.configurationFile, Array("version: 1\nlimits: {jobs: 0}\n".utf8))
        scratch.daemon.reload()
        usleep(200_000)
        #expect(scratch.ran.count == 1)
        let text = ScratchDaemon.configuration(scratch.path, "{jobs: 3, threads: 3, memory: 3GiB}")
        try writeFile(scratch.configurationFile, Array(text.utf8))
        scratch.daemon.reload()
        #expect(eventually { scratch.ran.count == 3 })
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test func manyJobs_runOnceEach() throws {
        let scratch = try ScratchDaemon("{jobs: 4}")
        try scratch.start()
        for index in 0..<100 { try scratch.submit("ok-\(index)") }
        #expect(eventually(within: 60) { scratch.jobs(.done).count == 100 })
        #expect(scratch.ran.count == 100)
        #expect(Set(scratch.ran).count == 100)
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }
}
