import Daemon
import Glibc
import Posix
import Spool
import Testing

/// Several jobs on one machine: who runs, with what, and what becomes of one that takes too much.
@Suite struct ShareTests {
    @Test(arguments: ["threads", "memory"])
    func machine_isNotOvercommittedAndNobodyOvertakes(_ limit: String) throws {
        let scratch = try ScratchDaemon("{jobs: 4, threads: 4, memory: 4}")
        try scratch.start()
        // One of the other kind, so that only this one is short.
        let other = limit == "threads" ? "memory" : "threads"
        for (index, count) in [3, 2, 1].enumerated() {
            try scratch.submit("hang-\(index)", "limits: {\(limit): \(count), \(other): 1}")
            #expect(
                eventually {
                    scratch.jobs(.queued).count + scratch.jobs(.active).count == index + 1
                })
        }
        #expect(eventually { !scratch.ran.isEmpty })
        usleep(200_000)
        #expect(scratch.ran == ["hang-0"])
        try scratch.ask(.cancel, try #require(scratch.jobs(.active).first).id)
        #expect(eventually { Set(scratch.ran) == ["hang-0", "hang-1", "hang-2"] })
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test func plan_givesBackWhatTheJobDoesNotNeed() throws {
        let scratch = try ScratchDaemon("{jobs: 2, threads: 2, memory: 4000000}")
        try scratch.start()
        for name in ["planned-a", "planned-b"] {
            try scratch.submit(name, "limits: {memory: 3000000}")
        }
        #expect(eventually { scratch.jobs(.active).count == 2 })
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test func planThatNeedsMore_runsWhenThereIsRoom() throws {
        let scratch = try ScratchDaemon("{jobs: 2, memory: 4000000}")
        try scratch.start()
        try scratch.submit("large")
        #expect(eventually { scratch.jobs(.done).count == 1 })
        #expect(scratch.ran == ["large", "large"])
        let done = try #require(scratch.jobs(.done).first)
        #expect(done.attempts == 1 && done.memoryNeeded == 3_000_000)
        // Where the manifest has set the limit, its owner must raise it.
        try scratch.submit("large-fixed", "limits: {memory: 2000000}")
        #expect(eventually { scratch.jobs(.failed).count == 1 })
        #expect(scratch.jobs(.failed).first?.reason == "needs more")
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test func planThatNeedsMoreThanTheMachine_isRefused() throws {
        let scratch = try ScratchDaemon("{memory: 2000000}")
        try scratch.start()
        try scratch.submit("large")
        #expect(eventually { scratch.jobs(.failed).count == 1 })
        #expect(scratch.jobs(.failed).first?.reason == "needs more" && scratch.ran == ["large"])
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test(.enabled(if: geteuid() == 0, "only root can submit as somebody else"))
    func users_takeTurns() throws {
        let scratch = try ScratchDaemon()
        try scratch.start()
        try scratch.submit("hang")
        #expect(eventually { scratch.ran == ["hang"] })
        let submitted: [(name: String, uid: UInt32)] = [
            ("ok-a1", 1001), ("ok-a2", 1001), ("ok-a3", 1001), ("ok-b1", 1002), ("ok-b2", 1002),
            ("ok-c1", 1003),
        ]
        for (index, job) in submitted.enumerated() {
            try scratch.submit(job.name, owner: job.uid)
            #expect(eventually { scratch.jobs(.queued).count == index + 1 })
        }
        try scratch.ask(.cancel, try #require(scratch.jobs(.active).first).id)
        #expect(eventually { scratch.jobs(.done).count == 6 })
        let order = ["hang", "ok-a1", "ok-b1", "ok-c1", "ok-a2", "ok-b2", "ok-a3"]
        #expect(scratch.ran == order)
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test func flood_runsTheMostImportantFirst() throws {
        let scratch = try ScratchDaemon("{waiting_per_user: 200}")
        try scratch.spool.create()
        // More than one look into the inbox takes, the last one with the highest priority.
        for index in 0..<100 { try scratch.submit("ok-\(index)") }
        try scratch.submit("ok-first", "priority: 9")
        try scratch.start()
        #expect(eventually(within: 60) { scratch.jobs(.done).count == 101 })
        #expect(scratch.ran.first == "ok-first")
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test func jobThatGetsFurther_isNotGivenUp() throws {
        let scratch = try ScratchDaemon()
        try scratch.start()
        try scratch.submit("steps")
        #expect(eventually { scratch.jobs(.done).count == 1 })
        #expect(scratch.ran.count == 6)
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test func resumption_isInTheRecord() throws {
        let scratch = try ScratchDaemon()
        try scratch.start()
        try scratch.submit("resumed")
        #expect(
            eventually {
                scratch.jobs(.active).first?.resumed == JobRecord.Place(block: 1, blocks: 4)
            })
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test func outOfMemory_endsThatJobWithItsPeak() throws {
        let scratch = try ScratchDaemon()
        try scratch.start()
        try scratch.submit("memory")
        try scratch.submit("ok")
        #expect(eventually { scratch.jobs(.done).count == 1 && scratch.jobs(.failed).count == 1 })
        let failed = try #require(scratch.jobs(.failed).first)
        #expect(scratch.ran == ["memory", "ok"])
        #expect(failed.reason?.hasPrefix("ran out of memory at block 3 of 4, with ") == true)
        #expect(failed.reason?.contains("raise limits.memory") == true)
        #expect(try #require(failed.peakMemory) > 100_000)
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test func busyWithItsSnapshot_getsMoreTime() throws {
        let scratch = try ScratchDaemon(grace: 0.3)
        try scratch.start()
        try scratch.submit("keeping")
        #expect(eventually { scratch.ran == ["keeping"] })
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
        #expect(scratch.ran == ["keeping", "kept"])
        #expect(scratch.jobs(.queued).count == 1)
    }

    @Test func worker_hasASessionOfItsOwn() throws {
        let scratch = try ScratchDaemon()
        try scratch.start()
        try scratch.submit("session")
        #expect(eventually { scratch.jobs(.done).count == 1 })
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }
}
