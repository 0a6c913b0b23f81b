import Glibc
import Manifests
import Posix
import TestSupport
import Testing

@testable import Spool

/// What goes from the history, and whose.
@Suite struct HistoryTests {
    /// What a user can leave behind.
    enum Kind: CaseIterable, Sendable {
        case rejected, cancelled, failed, failedWithSnapshot, done
    }

    private func history(
        jobs: Int = 1000, perUser: Int = 1000, rejected: Int = 1000, snapshots: Int = 1000
    ) -> Configuration.History {
        var history = Configuration.History()
        history.jobs = jobs
        history.jobsPerUser = perUser
        history.rejected = rejected
        history.snapshots = snapshots
        return history
    }

    @Test func history_keepsTheYoungest() throws {
        let scratch = try ScratchSpool()
        var ids: [String] = []
        for index in 0..<5 {
            var record = try scratch.queueOne("\(index).yaml")
            record = try scratch.spool.move(record, to: .active)
            ids.append(try scratch.spool.finish(record, []).id)
            let ended = Clock.wall() - Double(10 - index) * 86400
            let times = [
                timeval(tv_sec: Int(ended), tv_usec: 0), timeval(tv_sec: Int(ended), tv_usec: 0),
            ]
            #expect(utimes(scratch.spool.directory(record.id, .done), times) == 0)
        }
        var history = history(jobs: 3)
        #expect(try scratch.prune(history) == 2)
        #expect(try scratch.names("spool/done") == Array(ids[2...]))
        history.age = 7 * 86400 + 43200
        #expect(try scratch.prune(history) == 1)
        #expect(try scratch.names("spool/done") == Array(ids[3...]))
        #expect(try scratch.names("spool/tmp") == [])
    }

    @Test(
        "whatever one user floods the history with, another's jobs and snapshots stay",
        arguments: Kind.allCases)
    func flood_ofOneUser_takesNothingOfAnother(_ kind: Kind) throws {
        let scratch = try ScratchSpool()
        var mine: [String] = []
        for kind in Kind.allCases { mine.append(try scratch.leave(kind, uid: 1000)) }
        for _ in 0..<120 { _ = try scratch.leave(kind, uid: 1001) }
        let history = history(jobs: 40, rejected: 30, snapshots: 3)
        #expect(try scratch.prune(history) > 0)
        let left = try scratch.names("spool/done") + scratch.names("spool/failed")
        #expect(mine.allSatisfy(left.contains), "\(kind)")
        // The other one has what is left over of all places, or what one may have at most.
        let hasRun = kind != .rejected && kind != .cancelled
        #expect(left.count == mine.count + (hasRun ? 40 - 3 : 30))
        let kept = scratch.jobs(left).filter { scratch.spool.hasSnapshot($0) }
        #expect(kept.count { $0.uid == 1000 } == 1)
        #expect(kept.count { $0.uid == 1001 } == (kind == .failedWithSnapshot ? 3 : 0))
        #expect(try scratch.prune(history) == 0)
        #expect(try scratch.names("spool/tmp") == [])
    }

    @Test func rejected_takeNoPlaceOfJobsThatRan() throws {
        let scratch = try ScratchSpool()
        let done = try (0..<4).map { _ in try scratch.leave(.done, uid: 1000) }
        let rejected = try (0..<9).map { _ in try scratch.leave(.rejected, uid: 1000) }
        #expect(try scratch.prune(history(jobs: 4, rejected: 2)) == 7)
        #expect(try scratch.names("spool/done") == done)
        #expect(try scratch.names("spool/failed") == Array(rejected.suffix(2)))
    }

    @Test func oneUser_hasABoundOfHisOwn() throws {
        let scratch = try ScratchSpool()
        let first = try (0..<6).map { _ in try scratch.leave(.done, uid: 1000) }
        let second = try (0..<2).map { _ in try scratch.leave(.done, uid: 1001) }
        #expect(try scratch.prune(history(jobs: 100, perUser: 3)) == 3)
        #expect(try scratch.names("spool/done") == first.suffix(3) + second)
    }

    @Test func snapshots_goWithTheirUnfinishedOutputs_andTheJobsStay() throws {
        let scratch = try ScratchSpool()
        let ids = try (0..<4).map { _ in try scratch.leave(.failedWithSnapshot, uid: 1000) }
        var leaving: [String] = []
        #expect(try scratch.prune(history(snapshots: 1)) { leaving.append($0) } == 3)
        #expect(try scratch.names("spool/failed") == ids)
        let kept = scratch.jobs(ids).filter { scratch.spool.hasSnapshot($0) }.map(\.id)
        #expect(kept == ids.suffix(1))
        // Whoever removes the unfinished outputs hears of them with the manifest.
        #expect(leaving.sorted() == ids.prefix(3).sorted())
        #expect(try scratch.prune(history(snapshots: 1)) == 0)
    }

    @Test func jobThatIsRetriedAfterTheLook_stays() throws {
        let scratch = try ScratchSpool()
        let id = try scratch.leave(.failed, uid: 1000)
        var finished = FinishedJobs()
        try finished.look(at: scratch.spool)
        let excess = finished.excess(history(jobs: 0), now: Clock.wall())
        #expect(excess.jobs.map(\.id) == [id])
        let queued = try scratch.spool.move(scratch.spool.record(id, .failed), to: .queued)
        #expect(try scratch.spool.takeOut(excess).isEmpty)
        _ = try scratch.spool.move(queued, to: .failed)
        #expect(try scratch.spool.takeOut(excess).isEmpty)
        #expect(try scratch.names("spool/failed") == [id])
    }

    @Test func look_seesWhatComesAndGoes() throws {
        let scratch = try ScratchSpool()
        var finished = FinishedJobs()
        try finished.look(at: scratch.spool)
        #expect(finished.count == 0)
        let ids = try (0..<3).map { _ in try scratch.leave(.failed, uid: 1000) }
        try writeFile(joined(scratch.spool.directory(.done), "stray"), [])
        try finished.look(at: scratch.spool)
        #expect(finished.count == 3)
        #expect(finished.others == [joined(scratch.spool.directory(.done), "stray")])
        try removeTree(scratch.spool.directory(ids[0], .failed))
        _ = try scratch.spool.move(scratch.spool.record(ids[1], .failed), to: .queued)
        try finished.look(at: scratch.spool)
        #expect(finished.count == 1)
    }

    @Test func unreadableRecords_areNobodysAndGoLikeOthers() throws {
        let scratch = try ScratchSpool()
        let good = try scratch.leave(.done, uid: 1000)
        for _ in 0..<5 {
            let id = try scratch.leave(.done, uid: 1001)
            let file = joined(scratch.spool.directory(id, .done), "state.json")
            unlink(file)
            #expect(mkfifo(file, 0o600) == 0)
        }
        #expect(try scratch.prune(history(jobs: 3)) == 3)
        #expect(try scratch.names("spool/done").contains(good))
    }

    @Test func shares_areEqualWhereThereIsTooLittle() {
        var random = Seeded(7)
        for _ in 0..<500 {
            let users = UInt32.random(in: 1...12, using: &random)
            var wanted: [UInt32: Int] = [:]
            for user in 0..<users { wanted[user] = Int.random(in: 0...40, using: &random) }
            let total = Int.random(in: 0...200, using: &random)
            let shares = FinishedJobs.shares(wanted, of: total)
            let sum = wanted.values.reduce(0, +)
            #expect(shares.values.reduce(0, +) == min(sum, total))
            let most = shares.values.max() ?? 0
            for (user, count) in wanted {
                let share = shares[user] ?? 0
                #expect(share <= count)
                if share < count { #expect(share >= most - 1) }
                if count <= total / Int(users) { #expect(share == count) }
            }
        }
    }
}

extension ScratchSpool {
    /// A job of that kind that has ended just now.
    fileprivate func leave(_ kind: HistoryTests.Kind, uid: UInt32) throws -> String {
        var identifiers = JobIdentifier()
        let id = identifiers.next()
        var record = JobRecord(
            id: id, state: .queued, name: "a", file: "a.yaml", uid: uid, submitted: Clock.wall())
        guard mkdir(spool.directory(id, .queued), 0o750) == 0 else {
            throw SystemError("mkdir", id)
        }
        try writeFile(
            joined(spool.directory(id, .queued), "manifest.yaml"),
            Array(ScratchSpool.manifest.utf8))
        switch kind {
        case .rejected, .cancelled: break
        case .failed, .failedWithSnapshot, .done:
            record.attempts = 1
            record = try spool.move(record, to: .active)
        }
        if kind == .done {
            _ = try spool.finish(record, [])
            return id
        }
        if kind == .failedWithSnapshot {
            let directory = joined(spool.directory(id, .active), "checkpoint")
            guard mkdir(directory, 0o750) == 0 else { throw SystemError("mkdir", id) }
            try writeFile(joined(directory, "progress.json"), Array("{}".utf8))
        }
        record.attempts = 0
        record.reason = "for a test"
        _ = try spool.move(record, to: .failed)
        return id
    }

    fileprivate func jobs(_ ids: [String]) -> [JobRecord] {
        ids.compactMap { id in spool.locate(id).flatMap { try? spool.record(id, $0) } }
    }

    /// As the daemon does.
    /// - Parameter leaving: told of each job that may have left an unfinished output.
    fileprivate func prune(
        _ history: Configuration.History, leaving: (String) -> Void = { _ in }
    ) throws -> Int {
        var finished = FinishedJobs()
        try finished.look(at: spool)
        let removals = try spool.takeOut(finished.excess(history, now: Clock.wall()))
        for removal in removals {
            if spool.manifest(of: removal) != nil { leaving(spool.record(of: removal).id) }
            try removeTree(removal.path)
        }
        return removals.count
    }
}
