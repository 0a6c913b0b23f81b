import Glibc
import Posix
import Spool
import TestSupport
import Testing

@Suite struct IntakeTests {
    @Test func claim_whenRenamedIn_isQueuedAtOnce() throws {
        let scratch = try ScratchSpool()
        try scratch.drop("a.yaml", ScratchSpool.manifest + "priority: 7\n")
        let intake = try scratch.scan()
        let record = try #require(intake.accepted.first)
        #expect(intake.accepted.count == 1)
        #expect(record.name == "a" && record.file == "a.yaml" && record.priority == 7)
        #expect(record.uid == geteuid())
        #expect(try scratch.dropped == [])
        #expect(try scratch.names("spool/tmp") == [])
        #expect(try scratch.names("spool/queued") == [record.id])
        #expect(
            try scratch.names("spool/queued/\(record.id)") == ["manifest.yaml", "state.json"])
        #expect(
            try scratch.text("spool/queued/\(record.id)/manifest.yaml")
                == ScratchSpool.manifest + "priority: 7\n")
        #expect(try scratch.spool.record(record.id, .queued) == record)
    }

    @Test("fault 14: what is still being written is waited for")
    func claim_whenWrittenInPlace_waitsUntilItLiesStill() throws {
        let scratch = try ScratchSpool()
        let path = joined(scratch.spool.inbox, "a.yaml")
        try writeFile(path, Array("version: 1\nmodel: tiny\n".utf8))
        #expect(try scratch.scan().accepted.isEmpty)
        scratch.now += 3.5
        // Still being written: the clock starts anew.
        try writeFile(path, Array(ScratchSpool.manifest.utf8))
        #expect(try scratch.scan().rescan ?? 0 > 2)
        scratch.now += 2.5
        #expect(try scratch.scan().accepted.isEmpty)
        // Closed, so that a second is enough, which has passed.
        scratch.hint("a.yaml", .closed)
        #expect(try scratch.scan().accepted.count == 1)
    }

    @Test func claim_withoutAnyHint_isTakenAfterAWhile() throws {
        let scratch = try ScratchSpool()
        try writeFile(joined(scratch.spool.inbox, "a.yaml"), Array(ScratchSpool.manifest.utf8))
        #expect(try scratch.scan().accepted.isEmpty)
        scratch.now += 3.1
        #expect(try scratch.scan().accepted.count == 1)
    }

    @Test("fault 29: many files are queued once each") func manyFiles_runOnceEach() throws {
        let scratch = try ScratchSpool()
        let names = (0..<200).map { "job-\($0).yaml" }
        for name in names { try scratch.drop(name) }
        var accepted: [JobRecord] = []
        var scans = 0
        while true {
            let intake = try scratch.scan()
            accepted += intake.accepted
            scans += 1
            if !intake.hasMore { break }
        }
        #expect(scans == 4)
        #expect(Set(accepted.map(\.file)) == Set(names))
        #expect(accepted.count == 200)
        #expect(accepted.map(\.id) == accepted.map(\.id).sorted())
        #expect(try scratch.names("spool/queued") == accepted.map(\.id))
        #expect(try scratch.dropped == [])
    }

    @Test func claim_onAnotherFileSystem_isCopied() throws {
        let scratch = try ScratchSpool()
        let other = try Scratch(in: "/dev/shm")
        defer { withExtendedLifetime(other) {} }
        let path = other.path
        let spool = Spool(path: scratch.spool.path, inbox: path)
        var (inbox, hints) = (Inbox(spool), Hints())
        let uid = geteuid()
        try writeFile(joined(path, "a.yaml"), Array(ScratchSpool.manifest.utf8))
        hints.note("a.yaml".utf8CString.map { $0 }, .moved) { uid }
        #expect(try inbox.scan(hints, scratch.rules).accepted.count == 1)
        #expect(try scratch.names("spool/queued").count == 1)
    }

    @Test func brokenManifest_isRejectedWithItsPlace() throws {
        let scratch = try ScratchSpool()
        try scratch.drop("bad.yaml", "version: 1\nmodle: x\noutput: y\n")
        let record = try #require(try scratch.scan().rejected.first)
        #expect(record.state == .failed && record.exitCode == 78)
        let directory = "spool/failed/\(record.id)"
        #expect(
            try scratch.names(directory) == ["manifest.yaml", "reason.txt", "state.json"])
        let reason = try scratch.text(directory + "/reason.txt")
        #expect(reason.hasPrefix("bad.yaml:2:1: "))
        #expect(reason.contains("'model'"))
        #expect(try scratch.dropped == [])
    }

    enum Oddity: String, CaseIterable { case link, fifo, hardLink, large, huge }

    @Test(
        "faults 10, 20, 21, 24: huge files, links, FIFOs and hard links are refused",
        arguments: Oddity.allCases)
    func oddFile_isRejectedAndGone(_ oddity: Oddity) throws {
        let scratch = try ScratchSpool()
        let path = joined(scratch.spool.inbox, "odd.yaml")
        let other = joined(scratch.path, "other.yaml")
        try writeFile(other, Array(ScratchSpool.manifest.utf8))
        switch oddity {
        case .link: #expect(symlink(other, path) == 0)
        case .fifo: #expect(mkfifo(path, 0o666) == 0)
        case .hardLink: #expect(Glibc.link(other, path) == 0)
        case .large: try scratch.drop("odd.yaml", String(repeating: "#", count: (1 << 20) + 1))
        case .huge:
            try scratch.drop("odd.yaml", "")
            #expect(truncate(path, 1 << 30) == 0)
        }
        try scratch.drop("good.yaml")
        scratch.hint("odd.yaml")
        let started = Clock.boot()
        let intake = try scratch.scan()
        #expect(Clock.boot() - started < 1)
        #expect(intake.accepted.map(\.file) == ["good.yaml"])
        let record = try #require(intake.rejected.first)
        #expect(record.reason?.hasPrefix("odd.yaml: ") == true)
        #expect(
            try scratch.names("spool/failed/\(record.id)") == ["reason.txt", "state.json"])
        #expect(try scratch.dropped == [])
        #expect(access(other, F_OK) == 0)
    }

    @Test("fault 22: sockets, directories and other names are ignored with one warning")
    func directoriesAndOtherNames_areIgnoredWithOneWarning() throws {
        let scratch = try ScratchSpool()
        #expect(mkdir(joined(scratch.spool.inbox, "dir.yaml"), 0o755) == 0)
        try scratch.makeSocket("socket.yaml")
        try scratch.drop("notes.txt")
        try scratch.drop(".draft.yaml")
        let warnings = try scratch.scan().warnings
        #expect(warnings.count == 3)
        #expect(warnings.allSatisfy { $0.text.contains("is ignored") })
        scratch.now += 100
        let again = try scratch.scan()
        #expect(again.warnings.isEmpty && again.accepted.isEmpty && again.rejected.isEmpty)
        #expect(
            try scratch.dropped == [
                ".draft.yaml", "dir.yaml", "notes.txt", "socket.yaml",
            ])
    }

    @Test("fault 23: an unreadable file is named, and taken when it can be read")
    func unreadableFile_isTakenLater() throws {
        let scratch = try ScratchSpool()
        try scratch.drop("a.yaml")
        let path = joined(scratch.spool.inbox, "a.yaml")
        #expect(chmod(path, 0) == 0)
        scratch.inbox = Inbox(scratch.spool, account: geteuid() == 0 ? 65534 : geteuid())
        try asNobody(scratch) {
            let intake = try scratch.scan()
            #expect(intake.accepted.isEmpty && intake.rejected.isEmpty)
            #expect(intake.warnings.count == 1)
            #expect(intake.warnings.first?.text.contains("chmod g+r or a+r") == true)
            #expect(try scratch.scan().warnings.isEmpty)
        }
        #expect(chmod(path, 0o644) == 0)
        scratch.hint("a.yaml")
        try asNobody(scratch) {
            let accepted = try scratch.scan().accepted
            #expect(accepted.count == 1)
        }
    }

    /// Root may read everything; the others' rights are this thread's own for a moment:
    /// setfsuid(2).
    private func asNobody(_ scratch: ScratchSpool, _ body: () throws -> Void) throws {
        guard geteuid() == 0 else { return try body() }
        let inbox = ["spool/inbox", "spool/inbox/.claims"]
        for name in ["", "spool", "spool/tmp", "spool/queued"] + inbox {
            _ = chown(joined(scratch.path, name), 65534, 65534)
        }
        let address = try #require(dlsym(UnsafeMutableRawPointer(bitPattern: 0), "setfsuid"))
        let setUser = unsafeBitCast(
            address, to: (@convention(c) (UInt32) -> Int32).self)
        _ = setUser(65534)
        defer { _ = setUser(0) }
        try body()
    }

    @Test("fault 28: what is written after the claim does not count")
    func claim_whenRewrittenAfterwards_keepsItsCopy() throws {
        let scratch = try ScratchSpool()
        try scratch.drop("a.yaml")
        let file = try File(joined(scratch.spool.inbox, "a.yaml"), O_RDWR)
        let record = try #require(try scratch.scan().accepted.first)
        let other = Array("version: 1\nname: another\n".utf8)
        #expect(pwrite(file.descriptor, other, other.count, 0) == other.count)
        #expect(
            try scratch.text("spool/queued/\(record.id)/manifest.yaml") == ScratchSpool.manifest)
        #expect(try scratch.restart().recovery.queued.map(\.name) == ["a"])
    }

    @Test func nameThatIsNotUTF8_isIgnored() throws {
        let scratch = try ScratchSpool()
        let bytes = Array(joined(scratch.spool.inbox, "x").utf8CString.dropLast())
        let path = bytes + [CChar(bitPattern: 0xff)] + ".yaml".utf8CString
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o640)
        #expect(descriptor >= 0)
        close(descriptor)
        scratch.now += 100
        #expect(try scratch.scan().warnings.count == 1)
    }

    @Test("fault 26: control characters in a name are escaped") func controlCharacters_areEscaped()
        throws
    {
        let scratch = try ScratchSpool()
        let name = "a\u{1b}[31m\n" + String(repeating: "x", count: 240) + ".yaml"
        try scratch.drop(name, "version: 2\n")
        let record = try #require(try scratch.scan().rejected.first)
        #expect(record.reason?.contains("\u{1b}") == false)
        #expect(record.reason?.contains("\n") == false)
        #expect(record.file == name)
    }

    @Test func requests_nameTheirOwner() throws {
        let scratch = try ScratchSpool()
        let record = try scratch.queueOne()
        try scratch.drop(Request.fileName(.cancel, record.id), "")
        try scratch.drop(".request-explode-\(record.id)", "")
        #expect(
            symlink("/etc/passwd", joined(scratch.spool.inbox, ".request-hold-\(record.id)")) == 0)
        let requests = try scratch.scan().requests
        #expect(requests.map(\.verb) == [.cancel])
        #expect(requests.map(\.id) == [record.id])
        #expect(requests.map(\.uid) == [geteuid()])
        #expect(try scratch.scan().requests.isEmpty)
    }
}
