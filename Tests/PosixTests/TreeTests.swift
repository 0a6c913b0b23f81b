import Glibc
import Posix
import TestSupport
import Testing

struct TreeTests {
    @Test func removeTree_followsNoLink() throws {
        let scratch = try Scratch()
        try scratch.makeDirectory("t")
        try scratch.makeDirectory("t/sub")
        try scratch.makeDirectory("kept")
        try scratch.write("kept/file", "kept/file")
        try scratch.write("t/sub/file", "t/sub/file")
        try scratch.link("t/sub/link", to: "../../kept")
        try scratch.link("top-link", to: "kept")
        #expect(mkfifo(scratch["t/pipe"], 0o600) == 0)
        try removeTree(scratch["t"])
        try removeTree(scratch["top-link"])
        try removeTree(scratch["never-there"])
        #expect(!scratch.exists("t") && !scratch.exists("top-link"))
        #expect(scratch.exists("kept/file"))
    }

    @Test func removeTree_whenNamesAreNotUTF8() throws {
        let scratch = try Scratch()
        try scratch.makeDirectory("t")
        let name: [CChar] = Array(scratch["t/"].utf8CString.dropLast()) + [-1, 0]
        #expect(mkdir(name, 0o755) == 0)
        try removeTree(scratch["t"])
        #expect(!scratch.exists("t"))
    }

    @Test func removeTree_whenNotAllowed_namesThePlace() throws {
        let error = try #require(throws: SystemError.self) { try removeTree("/proc/self/status") }
        #expect(error.path == "/proc/self/status" && error.call == "remove")
    }

    /// A tree that is deeper than the stack of a function that calls itself.
    @Test(arguments: [65, 70_000]) func anyWalk_whenTheTreeHasNoEnd_stops(_ depth: Int) throws {
        let scratch = try Scratch()
        try scratch.makeDirectory("t")
        try plant(depth, in: scratch["t"])
        defer { prune(scratch["t"]) }
        for walk in [{ try removeTree($0) }, { try syncTree($0) }] as [(String) throws -> Void] {
            let error = try #require(throws: SystemError.self) { try walk(scratch["t"]) }
            #expect(error.description.contains("deeper than 64 directories"))
        }
        #expect(allocatedBytes(scratch["t"]) > 0)
        #expect(scratch.exists("t"))
    }

    @Test func removeTree_asDeepAsItMayBe() throws {
        let scratch = try Scratch()
        try scratch.makeDirectory("t")
        try plant(64, in: scratch["t"])
        try removeTree(scratch["t"])
        #expect(!scratch.exists("t"))
    }

    @Test func removeTree_ofManyNames() throws {
        let scratch = try Scratch()
        try scratch.makeDirectory("t")
        for index in 0..<3000 { try scratch.makeDirectory("t/\(index)") }
        try removeTree(scratch["t"])
        #expect(!scratch.exists("t"))
        for index in 0..<20 { try scratch.write("\(index)", "\(index)") }
        var bounds = TreeBounds()
        bounds.entries = 19
        let error = try #require(throws: SystemError.self) { try removeTree(scratch.path, bounds) }
        #expect(error.description.contains("more than 19 names"))
    }

    @Test(.enabled(if: geteuid() == 0)) func removeTree_leavesWhatIsAnothers() throws {
        let scratch = try Scratch()
        try scratch.makeDirectory("t")
        try scratch.makeDirectory("t/theirs")
        try scratch.write("t/theirs/file", "t/theirs/file")
        chown(scratch["t/theirs"], 3_000_001, 3_000_001)
        let bounds = TreeBounds(owner: geteuid())
        let error = try #require(throws: SystemError.self) { try removeTree(scratch["t"], bounds) }
        #expect(error.path == scratch["t/theirs"] && error.exitCode == .notPermitted)
        #expect(error.description.contains("belongs to user 3000001"))
        #expect(scratch.exists("t/theirs/file"))
    }

    /// Directories one inside the other.
    private func plant(_ depth: Int, in path: String) throws {
        var current = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        for _ in 0..<depth {
            try #require(mkdirat(current, "a", 0o755) == 0)
            let next = openat(current, "a", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            close(current)
            current = next
        }
        close(current)
    }

    /// Removes what `plant` has made, from its end.
    private func prune(_ path: String) {
        var current = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        var depth = 0
        while true {
            let next = openat(current, "a", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            if next < 0 { break }
            close(current)
            current = next
            depth += 1
        }
        for _ in 0..<depth {
            let above = openat(current, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            close(current)
            current = above
            unlinkat(current, "a", AT_REMOVEDIR)
        }
        close(current)
    }

    @Test func list_sortsByBytesAndKnowsKinds() throws {
        let scratch = try Scratch()
        try scratch.makeDirectory("b")
        for name in ["a", "B", "ä", ".hidden"] { try scratch.write(name, name) }
        try scratch.link("c", to: "a")
        #expect(mkfifo(scratch["d"], 0o600) == 0)
        let entries = try DirectoryEntry.list(File(scratch.path, O_RDONLY | O_DIRECTORY))
        #expect(entries.map(\.name) == [".hidden", "B", "a", "b", "c", "d", "ä"])
        #expect(entries.map(\.kind) == [.file, .file, .file, .directory, .link, .other, .file])
    }

    @Test(.timeLimit(.minutes(1))) func syncTree_neverWaits() throws {
        let scratch = try Scratch()
        try scratch.makeDirectory("sub")
        try scratch.write("sub/file", "sub/file")
        #expect(mkfifo(scratch["sub/pipe"], 0o600) == 0)
        try scratch.link("loop", to: ".")
        mkdir(scratch["sub/deep"], 0o755)
        try syncTree(scratch.path)
        #expect(throws: SystemError.self) { try syncTree(scratch["none"]) }
    }
}

struct RenameTests {
    @Test func rename_newAndExchange() throws {
        let scratch = try Scratch()
        try scratch.write("a", "a")
        try scratch.write("b", "b")
        try scratch.makeDirectory("sub")
        let directory = try Directory(scratch.path)
        let sub = try directory.directory("sub")
        #expect(Rename.new("a", in: directory, to: "b", in: directory)?.errno == EEXIST)
        #expect(Rename.exchange("a", in: directory, to: "none", in: directory)?.errno == ENOENT)
        #expect(Rename.exchange("a", in: directory, to: "b", in: directory) == nil)
        #expect(try readFile(scratch["a"]) == Array("b".utf8))
        #expect(Rename.new("a", in: directory, to: "c", in: sub) == nil)
        try Rename.plain("c", in: sub, to: "c", in: directory)
        #expect(scratch.exists("c") && !scratch.exists("a"))
    }
}

struct FileTests {
    @Test func allocate_andReadBack() throws {
        let scratch = try Scratch()
        let file = try File(scratch["x"], O_RDWR | O_CREAT)
        try file.allocate(10_000)
        #expect(try file.status().st_size == 10_000)
        try file.write([1, 2, 3], at: 9_000)
        try file.startWriteBack(0..<10_000)
        try file.finishWriteBack(0..<10_000)
        var bytes = [UInt8](repeating: 9, count: 4)
        let count = try file.read(into: &bytes, at: 9_998)
        #expect(count == 2 && bytes == [0, 0, 9, 9])
    }

    @Test func mapping_whenReleased_isReadAgain() throws {
        let scratch = try Scratch()
        try writeFile(scratch["x"], (0..<20_000).map { UInt8(truncatingIfNeeded: $0) })
        let mapped = try MappedFile(scratch["x"])
        let sum = { mapped.bytes.reduce(0) { $0 + Int($1) } }
        let before = sum()
        mapped.release(5_000..<15_001)
        mapped.release(0..<0)
        #expect(sum() == before && before > 0)
    }

    @Test func mapping_whenNoRegularFile() throws {
        let scratch = try Scratch()
        #expect(mkfifo(scratch["pipe"], 0o600) == 0)
        for path in [scratch["pipe"], scratch.path, "/dev/zero"] {
            #expect(throws: SystemError.self) { try MappedFile(path) }
        }
    }
}
