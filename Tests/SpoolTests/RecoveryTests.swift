import Glibc
import Manifests
import Posix
import Spool
import Testing

/// Every state that a crash can leave, built by hand, and what the next start makes of it.
@Suite struct RecoveryTests {
    /// Where in the claim of `a.yaml` the crash came.
    enum ClaimStep: CaseIterable {
        case prepared, claimed, claimedNameLost, copied, copiedHalf, renamed
    }

    @Test(
        "fault 43: a claim that is interrupted anywhere yields one job",
        arguments: ClaimStep.allCases)
    func claim_interruptedAnywhere_yieldsOneJob(_ step: ClaimStep) throws {
        let scratch = try ScratchSpool()
        let record = try scratch.queueOne()
        let queued = scratch.spool.directory(record.id, .queued)
        let temporary = joined(scratch.spool.temporary, record.id)
        let claim = joined(scratch.spool.inbox, ".claims/\(record.id)")
        // Back from the end to the step.
        try writeFile(claim, Array(ScratchSpool.manifest.utf8))
        if step != .renamed { #expect(rename(queued, temporary) == 0) }
        switch step {
        case .renamed, .copied: break
        case .copiedHalf: try writeFile(joined(temporary, "manifest.yaml"), Array("versi".utf8))
        case .claimed: unlink(joined(temporary, "manifest.yaml"))
        case .claimedNameLost: try removeTree(temporary)
        case .prepared:
            unlink(joined(temporary, "manifest.yaml"))
            #expect(rename(claim, joined(scratch.spool.inbox, "a.yaml")) == 0)
        }
        let (recovery, intake) = try scratch.restart()
        scratch.now += 10
        let accepted = try intake.accepted + scratch.scan().accepted
        let jobs = recovery.queued + accepted
        #expect(jobs.count == 1)
        #expect(jobs.first?.file == (step == .claimedNameLost ? "\(record.id).yaml" : "a.yaml"))
        #expect(try scratch.names("spool/queued").count == 1)
        #expect(try scratch.dropped == [])
        #expect(try scratch.names("spool/tmp") == [])
        let id = try #require(jobs.first?.id)
        #expect(try scratch.text("spool/queued/\(id)/manifest.yaml") == ScratchSpool.manifest)
    }

    @Test func claim_ofAFinishedJob_isOnlyRemoved() throws {
        let scratch = try ScratchSpool()
        var record = try scratch.queueOne()
        record = try scratch.spool.move(record, to: .active)
        record = try scratch.spool.finish(record, [])
        try scratch.drop(".claims/\(record.id)")
        let (recovery, intake) = try scratch.restart()
        #expect(recovery.queued.isEmpty && intake.accepted.isEmpty)
        #expect(try scratch.names("spool/done") == [record.id])
        #expect(try scratch.dropped == [])
    }

    /// A worker on another node may be at work: its directory stays, whoever holds it.
    @Test func jobAtSlurm_staysWhereItIs() throws {
        let scratch = try ScratchSpool()
        var record = try scratch.queueOne()
        record.executor = .slurm
        record.attempts = 7
        record.submission = JobRecord.Submission(count: 3, number: 17)
        record = try scratch.spool.move(record, to: .active)
        let directory = scratch.spool.directory(record.id, .active)
        let holder = try File(directory, O_RDONLY | O_DIRECTORY)
        #expect(flock(holder.descriptor, LOCK_EX | LOCK_NB) == 0)
        let (recovery, _) = try scratch.restart()
        #expect(recovery.away == [record] && recovery.queued.isEmpty)
        #expect(recovery.away.first?.submissionName == "stade-\(record.id)-3")
        #expect(try scratch.names("spool/active") == [record.id])
    }

    @Test func leftoversInTmp_areRemoved() throws {
        let scratch = try ScratchSpool()
        #expect(mkdir(joined(scratch.spool.temporary, "20250101-000000-abcdef"), 0o750) == 0)
        try writeFile(joined(scratch.spool.temporary, "20250101-000000-abcdef/state.json"), [])
        _ = try scratch.restart()
        #expect(try scratch.names("spool/tmp") == [])
    }

    @Test func activeJob_isQueuedAgainAndKeepsItsCount() throws {
        let scratch = try ScratchSpool()
        var record = try scratch.queueOne()
        record.attempts = 1
        record = try scratch.spool.move(record, to: .active)
        let (recovery, _) = try scratch.restart()
        #expect(recovery.requeued.map(\.id) == [record.id])
        #expect(recovery.queued.map(\.id) == [record.id])
        #expect(recovery.queued.first?.attempts == 1)
        #expect(try scratch.names("spool/active") == [])
    }

    @Test(arguments: [JobState.done, .failed, .deferred])
    func moveThatWasNotedButNeverMade_isForgotten(_ state: JobState) throws {
        let scratch = try ScratchSpool()
        var record = try scratch.queueOne()
        record = try scratch.spool.move(record, to: .active)
        record = try scratch.spool.move(record, to: state)
        let active = scratch.spool.directory(record.id, .active)
        #expect(rename(scratch.spool.directory(record.id, state), active) == 0)
        let (recovery, _) = try scratch.restart()
        #expect(recovery.queued.first?.changes.map(\.state) == [.queued, .active, .queued])
    }

    @Test func attemptThatWasCountedButNeverStarted_isNotCounted() throws {
        let scratch = try ScratchSpool()
        var record = try scratch.queueOne()
        record.attempts = 1
        record = try scratch.spool.move(record, to: .active)
        // The crash came between state.json and the rename.
        #expect(
            rename(
                scratch.spool.directory(record.id, .active),
                scratch.spool.directory(record.id, .queued)) == 0)
        let (recovery, _) = try scratch.restart()
        #expect(recovery.queued.map(\.attempts) == [0])
        #expect(recovery.queued.first?.state == .queued)
    }

    @Test func jobThatTookTheMachineDownThreeTimes_fails() throws {
        let scratch = try ScratchSpool()
        var record = try scratch.queueOne()
        for attempt in 1...3 {
            record.attempts = attempt
            record = try scratch.spool.move(record, to: .active)
            let (recovery, _) = try scratch.restart()
            if attempt < 3 {
                record = try #require(recovery.queued.first)
            } else {
                #expect(recovery.queued.isEmpty)
                #expect(recovery.failed.map(\.id) == [record.id])
            }
        }
        #expect(try scratch.text("spool/failed/\(record.id)/reason.txt").contains("3 attempts"))
    }

    @Test func publishedJob_isDoneAndNeverRunsAgain() throws {
        let scratch = try ScratchSpool()
        var record = try scratch.queueOne()
        record.attempts = 3
        record = try scratch.spool.move(record, to: .active)
        try scratch.publish(record)
        let (recovery, _) = try scratch.restart()
        #expect(recovery.queued.isEmpty && recovery.failed.isEmpty)
        let done = try #require(recovery.finished.first)
        let output = try #require(scratch.spool.outputs(done).first)
        #expect(output.path == joined(scratch.path, "out"))
        #expect(output.perplexityPruned == 42.1 && output.sparsity == 0.5)
    }

    /// What a member may make of the place where an output was, or is to be.
    enum Forgery: CaseIterable {
        case report, otherDirectory, link, file, pipeForReport, otherOwner, recordOfOthers
    }

    @Test(.timeLimit(.minutes(1)), arguments: Forgery.allCases)
    func outputThatTheJobHasNotPublished_doesNotCount(_ forgery: Forgery) throws {
        let scratch = try ScratchSpool()
        let record = try scratch.spool.move(scratch.queueOne(), to: .active)
        let output = joined(scratch.path, "out")
        if forgery == .report {
            mkdir(output, 0o777)
            let report = #"{"version": 1, "job": {"id": "\#(record.id)"}}"#
            try writeFile(joined(output, "stade-report.json"), Array(report.utf8))
        } else {
            try scratch.publish(record)
        }
        switch forgery {
        case .report: break
        case .otherDirectory, .pipeForReport:
            #expect(rename(output, output + "-away") == 0)
            mkdir(output, 0o777)
            if forgery == .pipeForReport { mkfifo(joined(output, "stade-report.json"), 0o644) }
        case .link:
            #expect(rename(output, output + "-away") == 0)
            #expect(symlink("out-away", output) == 0)
        case .file:
            try removeTree(output)
            try writeFile(output, [])
        case .otherOwner:
            // Only root can give a file away.
            guard chown(output, 3_000_001, 3_000_001) == 0 else { return }
        case .recordOfOthers:
            let file = joined(
                scratch.spool.directory(record.id, .active), "checkpoint/outputs.json")
            #expect(rename(file, joined(scratch.path, "outputs.json")) == 0)
            #expect(symlink(joined(scratch.path, "outputs.json"), file) == 0)
        }
        let (recovery, _) = try scratch.restart()
        #expect(recovery.finished.isEmpty && recovery.queued.map(\.id) == [record.id])
    }

    @Test(arguments: [1, 2])
    func sweep_isDoneOnlyWithAllOutputs(_ published: Int) throws {
        let scratch = try ScratchSpool()
        let manifest = ScratchSpool.manifest.replacing(
            "magnitude", "magnitude, sparsity: [0.3, 0.5]")
        let record = try scratch.spool.move(scratch.queueOne("a.yaml", manifest), to: .active)
        try scratch.publish(record, ["out-0.3", "out-0.5"])
        if published == 1 { try removeTree(joined(scratch.path, "out-0.5")) }
        let (recovery, _) = try scratch.restart()
        #expect(recovery.finished.count == (published == 2 ? 1 : 0))
        #expect(recovery.queued.count == (published == 2 ? 0 : 1))
    }

    @Test(
        "fault 62: a damaged state.json fails that job only",
        arguments: ["", "{", "[]", #"{"version": 1, "name": 3}"#, "\u{0}\u{0}\u{0}"])
    func damagedRecord_failsThatJobOnly(_ text: String) throws {
        let scratch = try ScratchSpool()
        let bad = try scratch.queueOne("bad.yaml")
        let good = try scratch.queueOne("good.yaml")
        try writeFile(
            joined(scratch.spool.directory(bad.id, .queued), "state.json"), Array(text.utf8))
        let (recovery, _) = try scratch.restart()
        #expect(recovery.queued.map(\.id) == [good.id])
        #expect(recovery.failed.map(\.id) == [bad.id])
        #expect(try scratch.text("spool/failed/\(bad.id)/reason.txt").contains("state.json"))
        #expect(try scratch.text("spool/failed/\(bad.id)/manifest.yaml") == ScratchSpool.manifest)
    }

    @Test func secondLock_isRefused() throws {
        let scratch = try ScratchSpool()
        let lock = try scratch.spool.lock()
        let error = #expect(throws: SpoolError.self) { _ = try scratch.spool.lock() }
        #expect(error?.exitCode == .configuration)
        #expect(error?.reason == .locked(by: "\(getpid())"))
        _ = lock.descriptor
    }

    @Test func identifiers_sortByAgeAndNeverRepeat() {
        var source = JobIdentifier()
        let ids = (0..<2000).map { _ in source.next() }
        #expect(ids == ids.sorted())
        #expect(Set(ids).count == ids.count)
        #expect(ids.allSatisfy { JobIdentifier.isValid($0) })
        for bad in ["", "short", "../../etc/x", "-starts-with", "has space x", "ünïcode-x"] {
            #expect(!JobIdentifier.isValid(bad))
        }
    }
}

extension String {
    fileprivate func replacing(_ old: String, _ new: String) -> String {
        split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
    }
}
