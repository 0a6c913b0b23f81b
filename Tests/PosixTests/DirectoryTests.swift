import Glibc
import Posix
import TestSupport
import Testing

struct DirectoryTests {
    @Test func create_whenTheNameIsTaken_writesNowhere() throws {
        let scratch = try Scratch()
        try scratch.write("victim", "victim")
        try scratch.link("link", to: "victim")
        try scratch.link("dangling", to: "made")
        let directory = try Directory(scratch.path)
        for name in ["link", "dangling", "victim"] {
            let error = try #require(throws: SystemError.self) { try directory.write(name, [1]) }
            #expect(error.errno == EEXIST)
        }
        #expect(try readFile(scratch["victim"]) == Array("victim".utf8))
        #expect(!scratch.exists("made"))
        #expect(throws: SystemError.self) { try directory.directory("link") }
        #expect(throws: SystemError.self) { try directory.read("link", limit: 10) }
    }

    @Test func replace_whenALinkLiesInTheWay_writesNotThroughIt() throws {
        let scratch = try Scratch()
        try scratch.write("victim", "victim")
        try scratch.link("x.new", to: "victim")
        try scratch.link("x", to: "victim")
        try Directory(scratch.path).replace("x", [1, 2])
        #expect(try readFile(scratch["victim"]) == Array("victim".utf8))
        #expect(try readFile(scratch["x"]) == [1, 2] && !scratch.exists("x.new"))
    }

    @Test(.timeLimit(.minutes(1))) func read_neverWaits() throws {
        let scratch = try Scratch()
        #expect(mkfifo(scratch["pipe"], 0o600) == 0)
        try scratch.write("large", "large")
        let directory = try Directory(scratch.path)
        #expect(throws: SystemError.self) { try directory.read("pipe", limit: 10) }
        let error = try #require(throws: SystemError.self) { try directory.read("large", limit: 4) }
        #expect(error.errno == EFBIG)
    }

    @Test func lock_isOneProcesss() throws {
        let scratch = try Scratch()
        let first = try Directory(scratch.path)
        #expect(try first.lock(patience: 0))
        #expect(try !Directory(scratch.path).lock(patience: 0.02))
    }
}

struct InputFilesTests {
    enum Change: CaseIterable {
        case overwritten, overwrittenWithOldTimes, replaced, swappedAndBack, truncated, removed
        case linkedElsewhere
    }

    @Test("inputs that change are noticed", arguments: Change.allCases)
    func check_notices(_ change: Change) throws {
        let scratch = try Scratch()
        try scratch.write("file", "file")
        try scratch.write("other", "other")
        let inputs = InputFiles()
        try inputs.note(scratch["file"])
        try inputs.note(scratch["other"])
        try inputs.check()
        // The kernel's clock for files steps by some milliseconds.
        usleep(20_000)
        var status = stat()
        #expect(stat(scratch["file"], &status) == 0)
        switch change {
        case .overwritten, .overwrittenWithOldTimes:
            try File(scratch["file"], O_WRONLY).write("FILE")
            if change == .overwrittenWithOldTimes {
                let times = [status.st_atim, status.st_mtim]
                #expect(utimensat(AT_FDCWD, scratch["file"], times, 0) == 0)
            }
        case .replaced:
            try writeFile(scratch["new"], Array("file".utf8))
            #expect(rename(scratch["new"], scratch["file"]) == 0)
        case .swappedAndBack:
            #expect(rename(scratch["file"], scratch["away"]) == 0)
            #expect(rename(scratch["away"], scratch["file"]) == 0)
        case .truncated: #expect(truncate(scratch["file"], 1) == 0)
        case .removed: #expect(unlink(scratch["file"]) == 0)
        case .linkedElsewhere:
            #expect(unlink(scratch["file"]) == 0)
            try scratch.link("file", to: "other")
        }
        let error = try #require(throws: ChangedInput.self) { try inputs.check() }
        #expect(error.path == scratch["file"] && error.exitCode == .data)
        #expect(error.description.contains("changed while it was read"))
    }

    @Test func note_whenItIsAnotherByThen() throws {
        let scratch = try Scratch()
        try scratch.write("file", "file")
        let inputs = InputFiles()
        try inputs.note(scratch["file"])
        try inputs.note(scratch["file"])
        usleep(20_000)
        #expect(truncate(scratch["file"], 1) == 0)
        #expect(throws: ChangedInput.self) { try inputs.note(scratch["file"]) }
    }
}

extension File {
    fileprivate borrowing func write(_ text: String) throws {
        try write(Array(text.utf8), at: 0)
    }
}
