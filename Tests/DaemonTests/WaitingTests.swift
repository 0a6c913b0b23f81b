import Daemon
import Glibc
import Manifests
import Posix
import Spool
import Testing

/// Waiting is what a queue is for: nothing fails because there is much of it.
@Suite struct WaitingTests {
    @Test("eight manifests at once of a user who may run one and have two waiting: none fails")
    func eightAtOnce_allRun() throws {
        let scratch = try ScratchDaemon("{jobs: 4, jobs_per_user: 1, waiting_per_user: 2}")
        try scratch.start()
        try scratch.submit("hang")
        #expect(eventually { scratch.ran == ["hang"] })
        for index in 0..<8 { try scratch.submit("ok-\(index)") }
        #expect(eventually { scratch.spool.waiting.manifests.first?.count == 6 })
        let waiting = try #require(scratch.spool.waiting.manifests.first)
        #expect(waiting.uid == geteuid() && waiting.reason == .user && !waiting.hasMore)
        #expect(scratch.spool.waiting.limit == 2)
        #expect(scratch.jobs(.queued).count == 2 && scratch.jobs(.failed).isEmpty)
        #expect(scratch.ran == ["hang"])
        try scratch.ask(.cancel, try #require(scratch.jobs(.active).first).id)
        #expect(eventually { scratch.jobs(.done).count == 8 })
        #expect(scratch.jobs(.failed).map(\.name) == ["hang"])
        // In the order in which they came.
        #expect(scratch.ran == ["hang"] + (0..<8).map { "ok-\($0)" })
        #expect(eventually { scratch.spool.waiting.manifests.isEmpty })
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test("a user who may run no more keeps nobody else waiting, whatever the priority")
    func jobsPerUser_blocksNobodyElse() throws {
        guard geteuid() == 0 else { return }
        let scratch = try ScratchDaemon("{jobs: 3, jobs_per_user: 1, threads: 3, memory: 3GiB}")
        try scratch.start()
        try scratch.submit("hang-a1", "priority: 9", owner: 3001)
        #expect(eventually { scratch.ran == ["hang-a1"] })
        try scratch.submit("hang-a2", "priority: 9", owner: 3001)
        #expect(eventually { scratch.jobs(.queued).count == 1 })
        try scratch.submit("hang-b1", "priority: -5", owner: 3002)
        try scratch.submit("hang-c1", "priority: 2", owner: 3003)
        #expect(eventually { scratch.ran.count == 3 })
        #expect(Set(scratch.ran) == ["hang-a1", "hang-b1", "hang-c1"])
        usleep(200_000)
        #expect(scratch.jobs(.queued).map(\.name) == ["hang-a2"])
        let first = try #require(scratch.jobs(.active).first { $0.name == "hang-a1" })
        try scratch.ask(.cancel, first.id)
        #expect(eventually { scratch.ran.last == "hang-a2" })
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test("held jobs count as waiting, over a restart as well; a retry beyond is refused")
    func heldJobs_count() throws {
        let scratch = try ScratchDaemon("{waiting_per_user: 1}")
        try scratch.start()
        try scratch.submit("bad")
        #expect(eventually { scratch.jobs(.failed).count == 1 })
        try scratch.submit("hang")
        #expect(eventually { scratch.ran.last == "hang" })
        try scratch.submit("ok-1")
        #expect(eventually { scratch.jobs(.queued).count == 1 })
        let held = scratch.jobs(.queued)[0].id
        try scratch.ask(.hold, held)
        #expect(eventually { scratch.jobs(.held).count == 1 })
        try scratch.submit("ok-2")
        #expect(eventually { scratch.spool.waiting.manifests.first?.count == 1 })
        let failed = scratch.jobs(.failed)[0].id
        try scratch.ask(.retry, failed)
        #expect(
            eventually {
                scratch.spool.answers.last?.refusal?.contains("limits.waiting_per_user") == true
            })
        #expect(scratch.jobs(.failed).map(\.id) == [failed])
        #expect(scratch.jobs(.queued).isEmpty)
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
        #expect(scratch.spool.waiting.manifests.isEmpty)

        // The hanging job is queued again; with the held one that is more than one may have.
        let again = Daemon(try scratch.configuration(), scratch.options)
        try again.start(readFile(scratch.configurationFile))
        #expect(eventually { scratch.spool.waiting.manifests.first?.count == 1 })
        #expect(!scratch.ran.contains("ok-2"))
        try scratch.ask(.cancel, held)
        #expect(eventually { scratch.jobs(.queued).map(\.name) == ["ok-2"] })
        again.stop()
        #expect(again.wait() == .done)
    }

    @Test func shortage_isShownAndEndsByItself() throws {
        let scratch = try ScratchDaemon("{reserve: 4194304GiB}")
        try scratch.start()
        try scratch.submit("ok")
        #expect(eventually { scratch.spool.waiting.shortage?.contains("limits.reserve") == true })
        #expect(eventually { scratch.spool.waiting.manifests.map(\.reason) == [.disk] })
        #expect(scratch.jobs(.queued).isEmpty && scratch.ran.isEmpty)
        let text = ScratchDaemon.configuration(scratch.path, "{reserve: 0}")
        try writeFile(scratch.configurationFile, Array(text.utf8))
        scratch.daemon.reload()
        #expect(eventually { scratch.jobs(.done).map(\.name) == ["ok"] })
        #expect(eventually { scratch.spool.waiting.shortage == nil })
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test("a member may not command the daemon, and refusals fill no journal")
    func members_mayNotDrain() throws {
        guard geteuid() == 0 else { return }
        let scratch = try ScratchDaemon()
        try scratch.start()
        let name = Request.fileName(.drain, "20250101-000000-abcdef", tag: Request.randomTag())
        try scratch.drop(name, "", owner: 3001)
        #expect(eventually { scratch.spool.answers.last?.request == name })
        #expect(scratch.spool.answers.last?.refusal == "only root may")
        try scratch.ask(.drain, "20250101-000001-abcdef")
        #expect(eventually { access(joined(scratch.spool.path, "drained"), F_OK) == 0 })
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }
}
