import Documents
import Glibc
import Posix
import Spool
import Testing

/// Whatever is wrong with one job's files is that job's misfortune and nobody else's: no start is
/// refused for it, nothing waits for it, and it is not tried for ever.
@Suite struct DamageTests {
    enum Kind: CaseIterable, Sendable {
        case directory, fullDirectory, danglingLink, linkToFile, linkToItself, fifo, socket, device
        case unreadable, empty, large, huge, text, list, otherTypes, deep, otherJob, times, notUTF8

        /// Makes that of `path`.
        func make(_ path: String) throws {
            try removeTree(path)
            switch self {
            case .directory: try check(mkdir(path, 0o750))
            case .fullDirectory:
                try check(mkdir(path, 0o750))
                try check(mkdir(joined(path, "a"), 0o750))
                try writeFile(joined(path, "a/b"), [])
            case .danglingLink: try check(symlink("/nonexistent/x", path))
            case .linkToFile: try check(symlink("/etc/passwd", path))
            case .linkToItself: try check(symlink(path, path))
            case .fifo: try check(mkfifo(path, 0o640))
            case .socket: try check(mknod(path, S_IFSOCK | 0o640, 0))
            // Only root can make one.
            case .device:
                try check(
                    geteuid() == 0 ? mknod(path, S_IFCHR | 0o640, 0x105) : mkfifo(path, 0o640))
            case .unreadable:
                try writeFile(path, Array("{}".utf8))
                try check(chmod(path, 0))
            case .empty: try writeFile(path, [])
            case .large: try writeFile(path, [UInt8](repeating: 0x20, count: 3 << 20))
            case .huge:
                try writeFile(path, [])
                try check(truncate(path, 1 << 40))
            case .text: try writeFile(path, Array("version: [1".utf8))
            case .list: try writeFile(path, Array("[]".utf8))
            case .otherTypes:
                let text = #"{"name": 1, "file": [], "uid": -1, "submitted": "x", "id": {}}"#
                try writeFile(path, Array(text.utf8))
            case .deep: try writeFile(path, [UInt8](repeating: 0x5b, count: 500_000))
            case .otherJob, .times:
                let id = self == .otherJob ? "20250101-000000-abcdef" : idIn(path)
                let time = self == .times ? "1e300" : "1"
                let text =
                    #"{"id": "\#(id)", "name": "a", "file": "a", "uid": 0, "submitted": \#(time)}"#
                try writeFile(path, Array(text.utf8))
            case .notUTF8: try writeFile(path, [0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])
            }
        }

        private func idIn(_ path: String) -> String {
            path.split(separator: "/").dropLast().last.map(String.init) ?? ""
        }

        private func check(_ code: CInt) throws {
            if code != 0 { throw SystemError("make", "\(self)") }
        }
    }

    static let files = [
        "state.json", "state.json.new", "manifest.yaml", "reason.txt", "reason.txt.new",
        "result.json", "result.json.new", "progress.json", "log", "checkpoint",
        "checkpoint/progress.json",
    ]

    @Test(
        "fault 62: whatever is wrong with a file of a job, that job alone fails",
        arguments: Kind.allCases, files)
    func damagedFile_isThatJobsAlone(_ kind: Kind, _ file: String) throws {
        let scratch = try ScratchSpool()
        var bad: [JobState: JobRecord] = [:]
        for state in JobState.allCases {
            let record = try scratch.place(state)
            bad[state] = record
            let directory = scratch.spool.directory(record.id, state)
            if file.contains("/") { mkdir(joined(directory, "checkpoint"), 0o750) }
            try kind.make(joined(directory, file))
        }
        let good = try scratch.place(.queued)
        let (recovery, _) = try scratch.restart()
        #expect(recovery.queued.contains { $0.id == good.id })
        #expect(recovery.warnings.isEmpty)
        let live = bad.filter { !$0.key.isFinished }
        if file == "state.json" {
            #expect(Set(recovery.failed.map(\.id)) == Set(live.values.map(\.id)))
            for record in live.values {
                let reason = try scratch.text("spool/failed/\(record.id)/reason.txt")
                #expect(reason.contains("state.json"))
                #expect(try scratch.spool.record(record.id, .failed).reason != nil)
            }
        } else {
            #expect(recovery.failed.isEmpty)
            #expect(recovery.queued.count == 3 && recovery.deferred.count == 1)
        }
        // Another start changes nothing, and what is left can go where jobs go.
        let again = try scratch.restart().recovery
        #expect(again.failed.isEmpty && again.warnings.isEmpty && again.requeued.isEmpty)
        for (index, job) in (again.queued + again.deferred).enumerated() {
            var record = job
            _ = try? scratch.spool.manifest(record)
            record = try scratch.spool.move(record, to: .active)
            _ = scratch.spool.hasProgressed(record)
            _ = try scratch.spool.published(record, below: scratch.roots)
            record.reason = "for a test"
            if index % 2 == 0 {
                record = try scratch.spool.finish(record, [])
            } else {
                scratch.spool.discardSnapshot(record)
                record = try scratch.spool.move(record, to: .failed)
            }
            #expect(scratch.spool.locate(record.id) == record.state)
            #expect(scratch.spool.outputs(record).isEmpty)
        }
    }

    @Test("fault 62: what is no job's directory is named and left alone", arguments: Kind.allCases)
    func damagedName_isLeftAlone(_ kind: Kind) throws {
        // A directory is a job whose files are all missing.
        let isDirectory = kind == .directory || kind == .fullDirectory
        for state in JobState.allCases {
            let scratch = try ScratchSpool()
            let good = try scratch.place(state)
            let path = joined(scratch.spool.directory(state), "20250101-000000-abcdef")
            try kind.make(path)
            for _ in 0..<2 {
                let (recovery, _) = try scratch.restart()
                #expect(scratch.spool.locate(good.id) != nil)
                let isNamed =
                    recovery.warnings.contains { $0.hasPrefix(path) }
                    || recovery.failed.contains { $0.id == "20250101-000000-abcdef" }
                if !state.isFinished, !isDirectory { #expect(isNamed, "\(kind) \(state)") }
            }
            #expect(
                scratch.spool.locate("20250101-000000-abcdef")
                    == (isDirectory && !state.isFinished ? .failed : state))
        }
    }

    @Test(arguments: ["short", "..bad", "with space in it", "-starts-with-dash", "a\u{301}bcdefgh"])
    func nameThatNoJobCanHave_isLeftAlone(_ name: String) throws {
        let scratch = try ScratchSpool()
        let good = try scratch.place(.queued)
        #expect(mkdir(joined(scratch.spool.directory(.queued), name), 0o750) == 0)
        let bytes: [CChar] =
            Array(scratch.spool.directory(.queued).utf8CString.dropLast())
            + [0x2f, -1, -2, 0x0a, 0]
        #expect(mkdir(bytes, 0o750) == 0)
        let (recovery, _) = try scratch.restart()
        #expect(recovery.queued.map(\.id) == [good.id])
        #expect(recovery.warnings.count == 2)
        #expect(recovery.warnings.allSatisfy { !$0.contains("\n") })
    }

    @Test func manyStrangeNames_areCounted() throws {
        let scratch = try ScratchSpool()
        for index in 0..<100 {
            try writeFile(joined(scratch.spool.directory(.held), "stray \(index)"), [])
        }
        let warnings = try scratch.restart().recovery.warnings
        #expect(warnings.count == 21 && warnings.last?.hasPrefix("and 80 more") == true)
    }

    @Test(arguments: JobState.allCases, JobState.allCases)
    func jobInTwoStates_isTakenOnce(_ first: JobState, _ second: JobState) throws {
        guard first != second else { return }
        let scratch = try ScratchSpool()
        let one = try scratch.place(first)
        let copy = joined(scratch.spool.directory(second), one.id)
        #expect(mkdir(copy, 0o750) == 0)
        for name in ["state.json", "manifest.yaml"] {
            let bytes = try readFile(joined(scratch.spool.directory(one.id, first), name))
            try writeFile(joined(copy, name), bytes)
        }
        let recovery = try scratch.restart().recovery
        let live = (recovery.queued + recovery.deferred).filter { $0.id == one.id }
        let bothEnded = first.isFinished && second.isFinished
        #expect(live.count <= 1)
        if !bothEnded {
            #expect(recovery.failed.map(\.id) == ["\(one.id)-copy"])
            #expect(recovery.failed.first?.reason?.contains("twice") == true)
            #expect(recovery.failed.first?.uid == getuid())
        }
        let again = try scratch.restart().recovery
        #expect(again.failed.isEmpty && again.warnings.isEmpty)
        #expect(again.queued.count == recovery.queued.count)
    }

    @Test(arguments: Kind.allCases)
    func somethingWhereAJobIsToGo_givesWay(_ kind: Kind) throws {
        let scratch = try ScratchSpool()
        let record = try scratch.place(.queued)
        try kind.make(scratch.spool.directory(record.id, .failed))
        _ = try scratch.spool.move(record, to: .failed)
        #expect(try scratch.spool.record(record.id, .failed).state == .failed)
    }

    @Test("fault 62: files beside the jobs may be anything", arguments: Kind.allCases)
    func damagedSpoolFile_isMendedOrMissing(_ kind: Kind) throws {
        let scratch = try ScratchSpool()
        for name in ["lock", "drained", "answers.json", "answers.json.new", "drained.new"] {
            try kind.make(joined(scratch.spool.path, name))
        }
        let lock = try scratch.spool.lock()
        #expect(throws: SpoolError.self) { _ = try scratch.spool.lock() }
        _ = lock.descriptor
        #expect(scratch.spool.isDrained)
        #expect(scratch.spool.answers.isEmpty)
        let name = ".request-cancel-20250101-000000-abcdef"
        try scratch.drop(name, "")
        let request = try #require(scratch.scan().requests.first)
        var answers = Answers()
        answers.add(Answer(request: request, time: 1, refusal: "no"))
        scratch.spool.write(&answers, at: 1)
        #expect(scratch.spool.answers.map(\.refusal) == ["no"])
        for isDrained in [true, false, true] {
            try scratch.spool.setDrained(isDrained)
            #expect(scratch.spool.isDrained == isDrained)
        }
    }

    @Test func directoryThatMayNotBeEntered_isNoReasonToStop() throws {
        let scratch = try ScratchSpool()
        let good = try scratch.place(.queued)
        for state in [JobState.active, .queued, .deferred, .held] {
            let bad = try scratch.place(state)
            #expect(chmod(scratch.spool.directory(bad.id, state), 0) == 0)
        }
        let recovery = try scratch.restart().recovery
        #expect(recovery.queued.contains { $0.id == good.id })
        // The daemon's own: it opens them up again.
        #expect(recovery.queued.count == 3 && recovery.deferred.count == 1)
        #expect(recovery.failed.isEmpty && recovery.warnings.isEmpty)
    }
}

extension ScratchSpool {
    /// A job in that state.
    fileprivate func place(_ state: JobState) throws -> JobRecord {
        var identifiers = JobIdentifier()
        let id = identifiers.next()
        let record = JobRecord(
            id: id, state: state, name: "a", file: "a.yaml", uid: getuid(), submitted: Clock.wall())
        let directory = spool.directory(id, state)
        guard mkdir(directory, 0o750) == 0 else { throw SystemError("mkdir", directory) }
        let manifest = Array(ScratchSpool.manifest.utf8)
        try replaceFile(joined(directory, "manifest.yaml"), manifest, durable: false)
        let state = JSON.encode(record.node)
        try replaceFile(joined(directory, "state.json"), state, durable: false)
        return record
    }
}
