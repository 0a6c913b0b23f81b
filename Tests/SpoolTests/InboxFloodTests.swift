import Glibc
import Posix
import Spool
import Testing

/// Very many names: bounded work for each scan, nobody else kept waiting.
@Suite struct InboxFloodTests {
    private static let flooder: UInt32 = 3001
    private static let other: UInt32 = 3002

    /// Puts a file of somebody into the inbox, not synced. As root; else all are this process's.
    private func put(
        _ name: String, _ text: String, _ owner: UInt32, in scratch: ScratchSpool
    ) throws {
        let path = joined(scratch.spool.inbox, name)
        let file = try File(path, O_WRONLY | O_CREAT)
        try file.write(Array(text.utf8), at: 0)
        if geteuid() == 0 { #expect(chown(path, owner, gid_t.max) == 0) }
    }

    private func sortedByAge(_ names: [String], _ scratch: ScratchSpool) {
        for (index, name) in names.enumerated() {
            let time = timeval(tv_sec: 1_000_000 + index, tv_usec: 0)
            #expect(utimes(joined(scratch.spool.inbox, name), [time, time]) == 0)
        }
    }

    @Test func requests_areTakenInTurns() throws {
        guard geteuid() == 0 else { return }
        let scratch = try ScratchSpool()
        for index in 0..<600 {
            try put(".request-cancel-zz\(100_000 + index)", "", Self.flooder, in: scratch)
        }
        let mine = ".request-hold-yy100000"
        try put(mine, "", Self.other, in: scratch)
        let intakes = try scratch.scanAll()
        // The look has seen all by the end of the first scans; the other's comes with the first
        // taken.
        let first = try #require(intakes.first { !$0.requests.isEmpty })
        #expect(first.requests.count <= 32)
        #expect(first.requests.contains { $0.uid == Self.other && $0.id == "yy100000" })
        let all = intakes.flatMap(\.requests)
        let dropped = intakes.reduce(0) { $0 + ($1.droppedRequests[Self.flooder] ?? 0) }
        #expect(all.count { $0.uid == Self.flooder } + dropped == 600)
        #expect(dropped > 0 && all.count < 600)
        #expect(intakes.allSatisfy { $0.requests.count <= 32 })
        #expect(intakes.allSatisfy { $0.droppedRequests[Self.other] == nil })
        #expect(try scratch.dropped == [])
    }

    @Test func manifests_areTakenInTurnsAndOldestFirst() throws {
        guard geteuid() == 0 else { return }
        let scratch = try ScratchSpool()
        let many = (0..<150).map { "flood-\(($0 * 37) % 150).yaml" }
        for name in many { try put(name, ScratchSpool.manifest, Self.flooder, in: scratch) }
        try put("mine.yaml", ScratchSpool.manifest, Self.other, in: scratch)
        sortedByAge(many + ["mine.yaml"], scratch)
        _ = try scratch.scanAll()
        scratch.now += 4
        let intakes = try scratch.scanAll()
        #expect(intakes.first?.accepted.count == 64)
        #expect(intakes.first?.accepted.prefix(2).contains { $0.file == "mine.yaml" } == true)
        #expect(intakes.flatMap(\.accepted).map(\.file).filter { $0 != "mine.yaml" } == many)
        #expect(intakes.count == 3)
    }

    @Test("more of one user than is remembered: all are taken, each once")
    func moreThanIsRemembered_isFoundAgain() throws {
        let scratch = try ScratchSpool()
        scratch.inbox = Inbox(scratch.spool, remembered: 40)
        let count = 150
        for index in 0..<count { try put("x-\(index).yaml", "x", Self.flooder, in: scratch) }
        var files: [String] = []
        for _ in 0..<400 where files.count < count {
            let intake = try scratch.scan()
            #expect(intake.rejected.count <= 64)
            files += intake.rejected.map(\.file)
            scratch.now += 1
        }
        #expect(files.count == count && Set(files).count == count)
        #expect(try scratch.dropped == [])
    }

    @Test("rejections of one user come more slowly after a while, those of another do not")
    func rejections_areSlowedDown() throws {
        guard geteuid() == 0 else { return }
        let scratch = try ScratchSpool()
        for index in 0..<100 { try put("x-\(index).yaml", "x", Self.flooder, in: scratch) }
        _ = try scratch.scanAll()
        scratch.now += 4
        let first = try scratch.scanAll()
        #expect(first.reduce(0) { $0 + $1.rejected.count } == 64)
        let waiting = try #require(first.last?.waiting.first)
        #expect(waiting.uid == Self.flooder && waiting.reason == .rejections)
        #expect(waiting.count == 36)
        try put("y.yaml", "y", Self.other, in: scratch)
        scratch.hint("y.yaml")
        #expect(try scratch.scan().rejected.map(\.file) == ["y.yaml"])
        scratch.now += 2
        #expect(try scratch.scanAll().reduce(0) { $0 + $1.rejected.count } == 16)
    }

    @Test func junk_isCountedNotNamed() throws {
        let scratch = try ScratchSpool()
        for index in 0..<5000 { try put("junk-\(index)", "", Self.flooder, in: scratch) }
        for index in 0..<500 { try put(".hidden-\(index)", "", Self.flooder, in: scratch) }
        let intakes = try scratch.scanAll()
        let warnings = intakes.flatMap(\.warnings).map(\.text)
        #expect(warnings.count == 17)
        #expect(warnings.count { $0.contains("4984 further names") } == 1)
        // A file that comes meanwhile is found by its hint alone.
        try scratch.drop("a.yaml")
        let intake = try scratch.scan()
        #expect(intake.accepted.count == 1 && !intake.hasMore)
        scratch.now += 3600
        #expect(try scratch.scanAll().flatMap(\.warnings) == [])
    }

    @Test func requests_mustBeEmptyFilesOfTheirOwner() throws {
        let scratch = try ScratchSpool()
        let id = "20250101-000000-abcdef"
        try scratch.drop(Request.fileName(.cancel, id), "moved here by somebody else")
        try scratch.drop(Request.fileName(.hold, id, tag: Request.randomTag()), "")
        for bad in ["", ".", "UPPER", "a/b", "a.b", String(repeating: "a", count: 33)] {
            guard !bad.contains("/") else { continue }
            try scratch.drop(".request-retry-\(id).\(bad)", "")
        }
        let requests = try scratch.scan().requests
        #expect(Set(requests.map(\.verb)) == [.cancel, .hold])
        #expect(requests.first { $0.verb == .cancel }?.objection?.contains("not empty") == true)
        #expect(requests.first { $0.verb == .hold }?.objection == nil)
        #expect(requests.first { $0.verb == .hold }?.id == id)
    }

    @Test func hints_ofOneUserLeaveRoomForOthers() {
        var hints = Hints()
        for index in 0..<5000 { hints.note(Array("f\(index).yaml".utf8CString), .moved) { 3001 } }
        #expect(hints.kinds.count == Hints.perUser && hints.isIncomplete)
        hints.note(Array("mine.yaml".utf8CString), .closed) { 3002 }
        hints.note(Array("gone.yaml".utf8CString), .closed) { nil }
        #expect(hints.kinds[Array("mine.yaml".utf8CString)] == .closed)
        hints.note(Array("mine.yaml".utf8CString), .changed) { 3002 }
        #expect(hints.kinds[Array("mine.yaml".utf8CString)] == .closed)
        hints.note(Array("mine.yaml".utf8CString), .moved) { 3002 }
        #expect(hints.kinds[Array("mine.yaml".utf8CString)] == .moved)
        #expect(hints.kinds.count == Hints.perUser + 1)
    }

    @Test("manifests beyond what may wait stay in the inbox and are taken when there is room")
    func room_boundsWhatIsTaken() throws {
        let scratch = try ScratchSpool()
        let names = (0..<12).map { "job-\($0).yaml" }
        for name in names { try scratch.drop(name) }
        sortedByAge(names, scratch)
        for name in names { scratch.hint(name) }
        let uid = geteuid()
        let intake = try scratch.scan(room: { $0 == uid ? 5 : 0 })
        #expect(intake.accepted.map(\.file) == Array(names[..<5]))
        #expect(!intake.hasMore && intake.rejected.isEmpty)
        let waiting = try #require(intake.waiting.first)
        #expect(waiting.reason == .user && waiting.count == 7 && !waiting.hasMore)
        #expect(waiting.oldest == Array(names[5...]))
        scratch.spool.setWaiting(Spool.Waiting(manifests: intake.waiting, limit: 5))
        #expect(scratch.spool.waiting.manifests == intake.waiting)
        #expect(scratch.spool.waiting.limit == 5)
        #expect(try scratch.scan(room: { _ in 0 }).accepted.isEmpty)
        // Withdrawn by its owner meanwhile.
        unlink(joined(scratch.spool.inbox, names[5]))
        #expect(try scratch.scan(room: { _ in 1 }).accepted.map(\.file) == [names[6]])
        let rest = try scratch.scan()
        #expect(rest.accepted.map(\.file) == Array(names[7...]) && rest.waiting.isEmpty)
        scratch.spool.setWaiting(Spool.Waiting())
        #expect(scratch.spool.waiting.manifests.isEmpty)
    }

    @Test func reserve_isKeptBeforeAnyClaim() throws {
        let scratch = try ScratchSpool()
        try scratch.drop("a.yaml")
        try scratch.drop(Request.fileName(.cancel, "20250101-000000-abcdef"), "")
        var rules = scratch.rules
        rules.reserve = .max
        let intake = try scratch.scan(rules)
        #expect(intake.accepted.isEmpty && intake.failure == nil && !intake.hasMore)
        #expect(intake.shortage?.contains("limits.reserve") == true)
        #expect(intake.waiting.map(\.reason) == [.disk])
        #expect(intake.requests.count == 1)
        #expect(try scratch.names("spool/tmp") == [])
        #expect(try scratch.dropped == ["a.yaml"])
        #expect(try scratch.scan().accepted.map(\.file) == ["a.yaml"])
    }

    @Test func reserve_fitsSmallDisksAndCountsFiles() {
        func shortage(_ space: DiskSpace, _ reserve: Int? = nil) -> Bool {
            Spool.shortage(space, reserve, "/spool") != nil
        }
        #expect(shortage(DiskSpace(free: 63 << 20, total: 1 << 40)))
        #expect(!shortage(DiskSpace(free: 64 << 20, total: 1 << 40)))
        #expect(!shortage(DiskSpace(free: 1 << 20, total: 8 << 20)))
        #expect(shortage(DiskSpace(free: 0, total: 8 << 20)))
        #expect(!shortage(DiskSpace(free: 0, total: 8 << 20), 0))
        #expect(shortage(DiskSpace(free: 99, total: 8 << 20), 100))
        let many = DiskSpace(free: 1 << 40, total: 1 << 41, freeFiles: 1000, totalFiles: 1 << 20)
        #expect(shortage(many))
        #expect(!shortage(DiskSpace(free: 1 << 40, total: 1 << 41, freeFiles: 9, totalFiles: 90)))
    }

    @Test func answers_ofOneUserLeaveThoseOfOthers() throws {
        let scratch = try ScratchSpool()
        _ = try scratch.scan()
        for name in ["zz000001", "zz000002"] {
            try put(".request-cancel-\(name)", "", Self.flooder, in: scratch)
        }
        let requests = try scratch.scanAllAfterALook().flatMap(\.requests)
        let request = try #require(requests.first)
        let now = Clock.wall()
        var answers = Answers()
        let mine = Request(.hold, "yy100000", uid: 3002)
        answers.add(Answer(request: mine, time: now, refusal: "first"))
        for index in 0..<1000 {
            answers.add(Answer(request: request, time: now + Double(index), refusal: "no such job"))
        }
        scratch.spool.write(&answers, at: now + 20)
        #expect(scratch.spool.answers.count == 65)
        #expect(scratch.spool.answers.contains { $0.uid == 3002 && $0.refusal == "first" })
        #expect(!answers.isChanged)
        // Long ones and many users: the file stays small.
        let long = String(repeating: "\u{1b}é", count: 100_000)
        for uid in 4000..<4400 as Range<UInt32> {
            for _ in 0..<70 {
                let other = Request(.hold, "yy100000", uid: uid)
                answers.add(Answer(request: other, time: now + 30, refusal: long))
            }
        }
        scratch.spool.write(&answers, at: now + 30)
        let file = try readFile(joined(scratch.spool.path, "answers.json"))
        #expect(file.count <= 512 << 10)
        #expect(Set(scratch.spool.answers.map(\.uid)).count == 16)
    }

    @Test func bucket_refills() {
        var bucket = TokenBucket(burst: 2, rate: 0.5, now: 0)
        #expect(bucket.wait(0) == 0 && bucket.isFull(0))
        bucket.take(0)
        bucket.take(0)
        bucket.take(0)
        #expect(bucket.wait(0) == 2 && bucket.wait(1) == 1 && bucket.wait(2) == 0)
        #expect(!bucket.isFull(3) && bucket.isFull(4))
    }
}
