import Glibc
import Posix
import Spool
import TestSupport
import Testing

/// Who may claim: the daemon alone, in a directory of its own.
@Suite struct ClaimsTests {
    /// Another account's, where this process may give files away.
    private static let stranger: UInt32 = geteuid() == 0 ? 3001 : geteuid()

    private static let plantedNames = [
        ".claim-20251128", ".claim-20250101-000000-abcdef", ".claim-..", ".claim-x_.._.._y",
        ".claim-20250101-000000-abcdef.partial", ".claims-20250101-000000-abcdef",
    ]

    @Test(arguments: plantedNames)
    func plantedName_isAnOrdinaryOne(_ name: String) throws {
        let scratch = try ScratchSpool()
        try scratch.drop(name)
        try scratch.drop("kick.yaml")
        let intake = try scratch.scan()
        #expect(intake.accepted.map(\.file) == ["kick.yaml"])
        #expect(intake.failure == nil)
        #expect(try scratch.names("spool/queued") == intake.accepted.map(\.id))
        let (recovery, again) = try scratch.restart()
        #expect(recovery.queued.count == 1 && again.accepted.isEmpty && again.rejected.isEmpty)
        #expect(try scratch.dropped == [name])
    }

    enum Foreign: CaseIterable { case directory, file, link, fifo }

    @Test("what a member has put where claims belong is moved away", arguments: Foreign.allCases)
    func foreignClaims_areMovedAside(_ kind: Foreign) throws {
        let scratch = try ScratchSpool()
        let path = joined(scratch.spool.inbox, ".claims")
        let elsewhere = joined(scratch.path, "elsewhere")
        #expect(mkdir(elsewhere, 0o777) == 0)
        let id = "20250101-000000-abcdef"
        switch kind {
        case .directory:
            #expect(mkdir(path, 0o777) == 0)
            try writeFile(joined(path, id), Array(ScratchSpool.manifest.utf8))
        case .file: try writeFile(path, Array(ScratchSpool.manifest.utf8))
        case .link: #expect(symlink(elsewhere, path) == 0)
        case .fifo: #expect(mkfifo(path, 0o666) == 0)
        }
        // For what this process owns it could not be told from its own.
        guard geteuid() == 0 || kind != .directory else { return }
        #expect(lchown(path, Self.stranger, gid_t.max) == 0)
        try scratch.drop("a.yaml")
        let intake = try scratch.scan()
        #expect(intake.accepted.map(\.file) == ["a.yaml"])
        #expect(intake.warnings.count == 1)
        #expect(intake.warnings.first?.text.contains("was not the daemon's") == true)
        let status = try #require(scratch.status(".claims"))
        #expect(status.st_uid == geteuid() && status.st_mode & 0o7777 & 0o777 == 0o700)
        #expect(status.st_mode & S_IFMT == S_IFDIR)
        #expect(try scratch.names("spool/inbox/.claims") == [])
        #expect(try scratch.dropped.count { $0.hasPrefix(".not-claims-") } == 1)
        #expect(try scratch.names("elsewhere") == [])
        #expect(try scratch.scan().warnings.isEmpty)
        #expect(try scratch.restart().recovery.queued.count == 1)
    }

    @Test func ownClaims_areClosedToOthers() throws {
        let scratch = try ScratchSpool()
        #expect(mkdir(joined(scratch.spool.inbox, ".claims"), 0o777) == 0)
        #expect(chmod(joined(scratch.spool.inbox, ".claims"), 0o777) == 0)
        _ = try scratch.scan()
        #expect((scratch.status(".claims")?.st_mode ?? 0) & 0o777 == 0o700)
    }

    @Test func claimWithoutARecord_isPutBackOnce() throws {
        let scratch = try ScratchSpool()
        _ = try scratch.scan()
        let id = "20250101-000000-abcdef"
        try scratch.drop(".claims/\(id)")
        // Somebody has the name already.
        try scratch.drop("\(id).yaml", ScratchSpool.manifest + "priority: 3\n")
        let intake = try scratch.restart().intake
        scratch.now += 10
        let accepted = try intake.accepted + scratch.scan().accepted
        #expect(Set(accepted.map(\.file)) == ["\(id).yaml", "\(id)-2.yaml"])
        #expect(!accepted.contains { $0.id == id })
        #expect(try scratch.dropped == [])
        #expect(try scratch.names("spool/inbox/.claims") == [])
    }

    @Test("what an older daemon was claiming gets its name again, once")
    func oldClaim_getsItsNameAgain() throws {
        let scratch = try ScratchSpool()
        let record = try scratch.queueOne("mine.yaml")
        let queued = scratch.spool.directory(record.id, .queued)
        #expect(rename(queued, joined(scratch.spool.temporary, record.id)) == 0)
        try scratch.drop(".claim-\(record.id)")
        let (recovery, intake) = try scratch.restart()
        #expect(recovery.queued.isEmpty)
        #expect(intake.accepted.map(\.file) == ["mine.yaml"])
        #expect(intake.accepted.first?.id != record.id)
        #expect(try scratch.dropped == [])
        #expect(try scratch.names("spool/tmp") == [])
    }

    @Test func oldClaimOfAQueuedJob_isLeftAlone() throws {
        let scratch = try ScratchSpool()
        let record = try scratch.queueOne()
        try scratch.drop(".claim-\(record.id)")
        let (recovery, intake) = try scratch.restart()
        #expect(recovery.queued.map(\.id) == [record.id] && intake.accepted.isEmpty)
    }

    @Test func directoryInAClaim_goesBack() throws {
        let scratch = try ScratchSpool()
        let record = try scratch.queueOne("dir.yaml")
        #expect(
            rename(
                scratch.spool.directory(record.id, .queued),
                joined(scratch.spool.temporary, record.id)) == 0)
        // It took the manifest's place between two looks.
        #expect(mkdir(joined(scratch.spool.inbox, ".claims/\(record.id)"), 0o777) == 0)
        let (recovery, intake) = try scratch.restart()
        #expect(recovery.queued.isEmpty && intake.accepted.isEmpty && intake.rejected.isEmpty)
        #expect(try scratch.dropped == ["dir.yaml"])
        #expect(try scratch.names("spool/inbox/.claims") == [])
        #expect(try scratch.names("spool/tmp") == [])
    }

    @Test("a claim across a crash, the inbox on another file system", arguments: [false, true])
    func claimOnAnotherFileSystem_survives(_ hasRecord: Bool) throws {
        let scratch = try ScratchSpool()
        let other = try Scratch(in: "/dev/shm")
        defer { withExtendedLifetime(other) {} }
        let path = other.path
        let spool = Spool(path: scratch.spool.path, inbox: path)
        let uid = geteuid()
        var (inbox, hints) = (Inbox(spool), Hints())
        try writeFile(joined(path, "a.yaml"), Array(ScratchSpool.manifest.utf8))
        hints.note("a.yaml".utf8CString.map { $0 }, .moved) { uid }
        let record = try #require(try inbox.scan(hints, scratch.rules).accepted.first)
        // Back to right behind the claim; the record may have been lost with the power.
        let work = joined(spool.temporary, record.id)
        #expect(rename(spool.directory(record.id, .queued), work) == 0)
        unlink(joined(work, "manifest.yaml"))
        if !hasRecord { try writeFile(joined(work, "state.json"), []) }
        try writeFile(joined(path, ".claims/\(record.id)"), Array(ScratchSpool.manifest.utf8))
        // The inbox is not mounted at first: what belongs to the claim must stay.
        #expect(rename(path, path + ".away") == 0)
        _ = try spool.recover(scratch.roots)
        #expect(try scratch.names("spool/tmp") == [record.id])
        #expect(rename(path + ".away", path) == 0)
        inbox = Inbox(spool)
        let accepted = try inbox.scan(Hints(), scratch.rules).accepted
        #expect(accepted.map(\.file) == [hasRecord ? "a.yaml" : "\(record.id).yaml"])
        #expect(try scratch.names("spool/queued") == accepted.map(\.id))
        #expect(try scratch.names("spool/tmp") == [])
        #expect(try Set(names(path)) == [".claims"])
        #expect(try names(joined(path, ".claims")) == [])
    }

    private func names(_ path: String) throws -> [String] {
        try DirectoryEntry.list(File(path, O_RDONLY | O_DIRECTORY)).compactMap(\.name)
    }

    /// The account that the inbox takes for the daemon's own, whose files are this process's.
    private static let account: UInt32 = geteuid() == 0 ? 3000 : geteuid()

    @Test(
        "the daemon's own account has no say in an inbox that others may write to",
        arguments: [0o750, 0o700, 0o770, 0o3730, 0o757, 0o1777] as [mode_t])
    func ownAccount_hasNoSayInASharedInbox(_ mode: mode_t) throws {
        let isPrivate = mode & 0o022 == 0
        // As root, for root's own files count everywhere.
        guard geteuid() == 0 else { return }
        let scratch = try ScratchSpool()
        let path = scratch.spool.inbox
        _ = try scratch.scan()
        for name in [path, joined(path, ".claims")] {
            #expect(chown(name, Self.account, gid_t.max) == 0)
        }
        #expect(chmod(path, mode) == 0)
        scratch.inbox = Inbox(scratch.spool, account: Self.account)
        let request = Request.fileName(.drain, "20250101-000000-abcdef")
        for (name, owner) in [
            ("own.yaml", Self.account), ("root.yaml", 0), ("member.yaml", 3001),
        ] {
            try scratch.drop(name)
            #expect(chown(joined(path, name), owner, gid_t.max) == 0)
            scratch.hint(name)
        }
        try scratch.drop(request, "")
        #expect(chown(joined(path, request), Self.account, gid_t.max) == 0)
        let intake = try scratch.scan()
        #expect(scratch.inbox.isPrivate == isPrivate)
        let accepted = Set(intake.accepted.map(\.file))
        let others: Set = ["root.yaml", "member.yaml"]
        #expect(accepted == (isPrivate ? others.union(["own.yaml"]) : others))
        #expect(intake.rejected.map(\.file) == (isPrivate ? [] : ["own.yaml"]))
        if !isPrivate {
            #expect(intake.rejected.first?.reason?.contains("daemon's own account") == true)
        }
        #expect(intake.requests.map(\.verb) == [.drain])
        #expect((intake.requests.first?.objection == nil) == isPrivate)
    }
}
