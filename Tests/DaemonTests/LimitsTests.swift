import Dispatch
import Glibc
import Manifests
import Posix
import Spool
import Testing

@testable import Daemon

/// What `limits` and `history` of the configuration do to jobs.
@Suite struct LimitsTests {
    @Test func moreTimeThanTheConfigurationAllows_isRefused() throws {
        let scratch = try ScratchDaemon("{time: 1m, jobs: 2}")
        try scratch.start()
        try scratch.submit("ok-long", "limits: {time: 61s}")
        try scratch.submit("ok-short", "limits: {time: 60s}")
        try scratch.submit("ok-none")
        #expect(eventually { scratch.jobs(.failed).count == 1 && scratch.jobs(.done).count == 2 })
        let refused = try #require(scratch.jobs(.failed).first)
        #expect(refused.name == "ok-long" && refused.exitCode == 78 && refused.attempts == 0)
        let reason = try #require(refused.reason)
        #expect(reason.contains("limits.time is 61s") && reason.contains("1m at most"))
        // Its retry is refused in the same words, and granted when the configuration allows it.
        try scratch.ask(.retry, refused.id)
        #expect(eventually { scratch.spool.answers.last?.refusal == reason })
        try scratch.configure("{time: 2m}")
        #expect(scratch.daemon.reload() == nil)
        try scratch.ask(.retry, refused.id)
        #expect(eventually { scratch.jobs(.done).count == 3 })
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test func reload_waitsForTheDaemonsQueue() throws {
        let scratch = try ScratchDaemon("{jobs: 1}")
        try scratch.start()
        try scratch.configure("{jobs: 3}")
        let (gate, done) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        scratch.daemon.turns.queue.async { gate.wait() }
        DispatchQueue.global().async { [daemon = scratch.daemon] in
            daemon.reload()
            done.signal()
        }
        #expect(done.wait(timeout: .now() + 0.3) == .timedOut)
        gate.signal()
        #expect(done.wait(timeout: .now() + 20) == .success)
        #expect(scratch.daemon.turns.queue.sync { scratch.daemon.jobs.queue.limits.jobs } == 3)
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test func jobWithoutALimit_hasThatOfTheConfiguration() throws {
        let scratch = try ScratchDaemon("{time: 1s}")
        try scratch.start()
        try scratch.submit("hang")
        #expect(eventually { scratch.jobs(.failed).count == 1 })
        let reason = try #require(scratch.jobs(.failed).first?.reason)
        #expect(reason.contains("took longer than limits.time of the daemon's configuration (1 s)"))
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test func acceptedJob_isCutToANewLimit() throws {
        let scratch = try ScratchDaemon("{time: 1h}")
        try scratch.start()
        try scratch.ask(.drain, "abcdefgh")
        #expect(eventually { scratch.spool.isDrained })
        try scratch.submit("hang", "limits: {time: 1h}")
        #expect(eventually { scratch.jobs(.queued).count == 1 })
        try scratch.configure("{time: 1s}")
        #expect(scratch.daemon.reload() == nil)
        try scratch.ask(.undrain, "abcdefgh")
        #expect(eventually { scratch.jobs(.failed).count == 1 })
        #expect(scratch.jobs(.failed).first?.reason?.contains("(1 s)") == true)
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test(.enabled(if: geteuid() == 0)) func highPriority_isRootsAlone() throws {
        let scratch = try ScratchDaemon("{priority_max: 5}")
        try scratch.start()
        try scratch.submit("ok-user", "priority: 6", owner: 1000)
        try scratch.submit("ok-usual", "priority: 5", owner: 1000)
        try scratch.submit("ok-low", "priority: -1000", owner: 1000)
        try scratch.submit("ok-root", "priority: 1000", owner: 0)
        #expect(eventually { scratch.jobs(.failed).count == 1 && scratch.jobs(.done).count == 3 })
        let refused = try #require(scratch.jobs(.failed).first)
        #expect(refused.name == "ok-user" && refused.exitCode == 78)
        #expect(refused.reason?.contains("the priority is 6, and users may ask for 5") == true)
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test(.enabled(if: geteuid() == 0)) func waitingJobs_areCutToANewPriority() throws {
        let scratch = try ScratchDaemon("{jobs: 1}")
        try scratch.start()
        try scratch.ask(.drain, "abcdefgh")
        #expect(eventually { scratch.spool.isDrained })
        try scratch.submit("ok-1", "priority: 1", owner: 1000)
        #expect(eventually { scratch.jobs(.queued).count == 1 })
        try scratch.submit("ok-2", "priority: 900", owner: 1001)
        #expect(eventually { scratch.jobs(.queued).count == 2 })
        try scratch.configure("{jobs: 1, priority_max: 1}")
        #expect(scratch.daemon.reload() == nil)
        try scratch.ask(.undrain, "abcdefgh")
        #expect(eventually { scratch.jobs(.done).count == 2 })
        #expect(scratch.ran == ["ok-1", "ok-2"])
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test func floodOfRejectedManifests_takesNothingOfTheHistory() throws {
        let scratch = try ScratchDaemon("{}\nhistory: {jobs: 20, rejected: 10, snapshots: 1}")
        try scratch.start()
        try scratch.submit("bad-mine")
        #expect(eventually { scratch.jobs(.failed).count == 1 })
        let mine = try #require(scratch.jobs(.failed).first)
        // So many are taken at once; more come slowly.
        for index in 0..<60 { try scratch.drop("\(index).yaml", "x", owner: nil) }
        #expect(
            eventually(within: 40) {
                let names = try? DirectoryEntry.list(File(scratch.spool.inbox, O_RDONLY))
                let jobs = scratch.jobs(.failed)
                return names?.compactMap(\.name) == [".claims"] && jobs.count <= 61
                    && jobs.contains { $0.id == mine.id }
            })
        #expect(scratch.jobs(.failed).contains { $0.id == mine.id })
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
        // A start looks through all of them again.
        let bytes = try readFile(scratch.configurationFile)
        let again = Daemon(
            try Configuration.read(bytes, file: "staded.yaml"),
            Daemon.Options(configurationFile: scratch.configurationFile))
        try again.start(bytes)
        #expect(eventually { scratch.jobs(.failed).count == 11 })
        #expect(scratch.jobs(.failed).contains { $0.id == mine.id })
        let temporary = scratch.spool.temporary
        #expect(
            eventually { (try? DirectoryEntry.list(File(temporary, O_RDONLY)).isEmpty) == true })
        again.stop()
        #expect(again.wait() == .done)
    }
}

extension ScratchDaemon {
    fileprivate func configure(_ limits: String) throws {
        try writeFile(configurationFile, Array(Self.configuration(path, limits).utf8))
    }
}
