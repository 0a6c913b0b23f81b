import Checkpoint
import Glibc
import Posix
import TestSupport
import Testing

struct OutputDirectoryTests {
    private func partial(
        _ scratch: Scratch, id: String = "1", mustBePrivate: Bool = true
    ) throws -> PartialDirectory {
        try PartialDirectory.make(
            PartialDirectory.Mark(id: id), in: Directory(scratch.path),
            mustBePrivate: mustBePrivate)
    }

    private func build(
        _ partial: PartialDirectory, _ text: String = "new", overwrite: Bool = false
    ) throws -> OutputDirectory {
        let output = try OutputDirectory("o", number: 1, in: partial, overwrite: overwrite)
        try output.directory.write("config.json", [UInt8](text.utf8))
        try output.directory.makeDirectory("sub", mode: 0o750)
        try output.directory.directory("sub").write("x", [1])
        return output
    }

    private func publish(
        _ scratch: Scratch, _ text: String = "new", overwrite: Bool = false
    ) throws {
        let partial = try partial(scratch)
        try build(partial, text, overwrite: overwrite).publish(for: 1000)
        try partial.remove()
    }

    @Test func publish_whenNothingIsThere() throws {
        let scratch = try Scratch()
        let partial = try partial(scratch)
        let output = try build(partial)
        #expect(partial.name == ".stade-1.partial" && output.path == scratch["o"])
        var status = stat()
        #expect(stat(scratch[partial.name], &status) == 0 && status.st_mode & 0o077 == 0)
        #expect(!scratch.exists("o"))
        try output.publish(for: 1000)
        try partial.remove()
        #expect(try scratch.files() == ["o/config.json", "o/sub/x"])
        #expect(stat(scratch["o"], &status) == 0 && FileIdentity(status) == output.identity)
    }

    @Test func remove_leavesNothing() throws {
        let scratch = try Scratch()
        let partial = try partial(scratch)
        let output = try build(partial)
        try scratch.write("kept", "x")
        #expect(symlinkat("../../kept", output.directory.descriptor, "link") == 0)
        try partial.remove()
        #expect(try scratch.files() == ["kept"])
    }

    @Test func make_whenAnEarlierAttemptIsThere_startsAnew() throws {
        let scratch = try Scratch()
        do { _ = try build(partial(scratch)) }
        let other = try partial(scratch, id: "2")
        #expect(scratch.exists(".stade-1.partial/1/config.json"))
        try publish(scratch)
        #expect(try scratch.files() == [".stade-2.partial/.stade-job", "o/config.json", "o/sub/x"])
        try other.remove()
    }

    /// What others put at the name of the unfinished output.
    enum Plant: CaseIterable { case directory, file, link, otherJobs, inUse }

    @Test(arguments: Plant.allCases)
    func make_whenTheNameIsTaken_takesAnother(_ plant: Plant) throws {
        let scratch = try Scratch()
        let name = ".stade-1.partial"
        var held: PartialDirectory?
        switch plant {
        case .directory: mkdir(scratch[name], 0o777)
        case .file: try scratch.write(name, "x")
        case .link:
            try scratch.write("victim/x", "x")
            #expect(symlink("victim", scratch[name]) == 0)
        case .otherJobs:
            _ = try partial(scratch, id: "other")
            #expect(rename(scratch[".stade-other.partial"], scratch[name]) == 0)
        case .inUse: held = try partial(scratch)
        }
        if plant == .directory {
            chmod(scratch[name], 0o777)
            try scratch.write("\(name)/theirs", "x")
        }
        let before = try scratch.files()
        var taken: [String] = []
        let made = try PartialDirectory.make(
            PartialDirectory.Mark(id: "1"), in: Directory(scratch.path), mustBePrivate: true
        ) { taken.append($0) }
        #expect(made.name == ".stade-1-2.partial" && taken == [scratch[name]])
        try made.remove()
        #expect(try scratch.files() == before)
        #expect(held?.name != made.name)
    }

    @Test func make_whenAllNamesAreTaken_isRefused() throws {
        let scratch = try Scratch()
        for index in 1...9 {
            try scratch.write(".stade-1\(index == 1 ? "" : "-\(index)").partial", "x")
        }
        let error = try #require(throws: OutputError.self) { try partial(scratch) }
        #expect(error.reason == .namesTaken && error.exitCode == .cannotCreate)
    }

    /// Whoever may write to the parent moves the unfinished output away and puts one of theirs
    /// there.
    @Test func build_whenItsNameIsSwapped_writesNothingThere() throws {
        let scratch = try Scratch()
        let partial = try partial(scratch)
        let output = try OutputDirectory("o", number: 1, in: partial, overwrite: false)
        #expect(rename(scratch[partial.name], scratch["away"]) == 0)
        mkdir(scratch[partial.name], 0o777)
        try scratch.write("\(partial.name)/1/config.json", "theirs")
        try output.directory.write("config.json", [1])
        #expect(try scratch.files(partial.name) == ["1/config.json"])
        #expect(try scratch.text("\(partial.name)/1/config.json") == "theirs")
        try output.publish(for: 1000)
        #expect(try scratch.read("o/config.json") == [1])
        try partial.remove()
        #expect(try scratch.text("\(partial.name)/1/config.json") == "theirs")
        #expect(try scratch.files("away") == [])
    }

    @Test func publish_whenSomethingHasComeThere() throws {
        let scratch = try Scratch()
        let partial = try partial(scratch)
        let output = try build(partial)
        mkdir(scratch["o"], 0o750)
        let error = try #require(throws: OutputError.self) { try output.publish(for: 1000) }
        #expect(error.reason == .exists && error.output == scratch["o"])
        #expect(error.exitCode == .cannotCreate)
        #expect(error.description.contains("overwrite: true"))
        #expect(scratch.exists(".stade-1.partial/1/config.json"))
    }

    @Test func publish_whenOverwriting() throws {
        let scratch = try Scratch()
        try scratch.write("o/config.json", "old")
        try scratch.write("o/stale/deep/x", "old")
        try publish(scratch, overwrite: true)
        #expect(try scratch.files() == ["o/config.json", "o/sub/x"])
        #expect(try scratch.text("o/config.json") == "new")
    }

    @Test func publish_whenOverwritingAndNothingIsThere() throws {
        let scratch = try Scratch()
        try publish(scratch, overwrite: true)
        #expect(try scratch.files() == ["o/config.json", "o/sub/x"])
    }

    @Test(arguments: ["file", "link", "no checkpoint"])
    func publish_whenWhatIsThereMustStay(_ kind: String) throws {
        let scratch = try Scratch()
        let partial = try partial(scratch)
        let output = try build(partial, overwrite: true)
        try scratch.write("precious/thesis", "x")
        switch kind {
        case "file": try scratch.write("o", "x")
        case "link": #expect(symlink("precious", scratch["o"]) == 0)
        default: #expect(rename(scratch["precious"], scratch["o"]) == 0)
        }
        let error = try #require(throws: OutputError.self) { try output.publish(for: 1000) }
        #expect(error.reason == (kind == "no checkpoint" ? .notCheckpoint : .notDirectory))
        #expect(scratch.exists(".stade-1.partial/1/config.json"))
        try partial.remove()
        #expect(scratch.exists("o"))
        #expect(scratch.exists(kind == "no checkpoint" ? "o/thesis" : "precious/thesis"))
    }

    @Test(.enabled(if: geteuid() == 0)) func publish_whenTheOldOneIsAnothers_leavesIt() throws {
        let scratch = try Scratch()
        try scratch.write("o/config.json", "theirs")
        chown(scratch["o"], 3_000_001, 3_000_001)
        let partial = try partial(scratch)
        let output = try build(partial, overwrite: true)
        let error = try #require(throws: OutputError.self) { try output.publish(for: 1000) }
        #expect(error.reason == .foreign("user 3000001"))
        #expect(try scratch.text("o/config.json") == "theirs")
        try output.publish(for: nil)
        #expect(try scratch.text("o/config.json") == "new")
    }

    /// In a sticky directory of somebody else's: by whom the old one was published, and whether it
    /// goes.
    @Test(
        .enabled(if: geteuid() == 0),
        arguments: [(1000, 1000, true), (1000, 1001, false), (nil, 1001, false), (1000, 0, true)]
            as [(UInt32?, UInt32, Bool)])
    func publish_inAStickyDirectory_replacesOnlyOnesOwn(
        _ first: UInt32?, _ second: UInt32, _ isReplaced: Bool
    ) throws {
        let scratch = try Scratch()
        let partial = try partial(scratch)
        try build(partial, "old").publish(for: first)
        chmod(scratch.path, 0o1777)
        let output = try build(partial, overwrite: true)
        if isReplaced {
            try output.publish(for: second)
        } else {
            let error = try #require(throws: OutputError.self) { try output.publish(for: second) }
            let owner = first.map { userName($0) } ?? "somebody else"
            #expect(error.reason == .foreign(owner) && error.exitCode == .cannotCreate)
        }
        #expect(try scratch.text("o/config.json") == (isReplaced ? "new" : "old"))
    }

    @Test("fault 63: an output whose parent was removed fails") func publish_whenParentIsRemoved()
        throws
    {
        let scratch = try Scratch()
        mkdir(scratch["p"], 0o755)
        let partial = try PartialDirectory.make(
            PartialDirectory.Mark(id: "1"), in: Directory(scratch["p"]), mustBePrivate: true)
        let output = try OutputDirectory("o", number: 1, in: partial, overwrite: false)
        try removeTree(scratch["p"])
        let error = try #require(throws: OutputError.self) { try output.publish(for: 1000) }
        #expect(error.reason == .moved(scratch["p"]) && error.exitCode == .cannotCreate)
        try partial.remove()
    }

    @Test func publish_whenParentIsSwapped_publishesNowhere() throws {
        let scratch = try Scratch()
        mkdir(scratch["p"], 0o755)
        let partial = try PartialDirectory.make(
            PartialDirectory.Mark(id: "1"), in: Directory(scratch["p"]), mustBePrivate: true)
        let output = try OutputDirectory("o", number: 1, in: partial, overwrite: false)
        #expect(rename(scratch["p"], scratch["away"]) == 0)
        mkdir(scratch["p"], 0o777)
        let error = try #require(throws: OutputError.self) { try output.publish(for: 1000) }
        #expect(error.reason == .moved(scratch["p"]))
        #expect(try scratch.files("p") == [] && !scratch.exists("away/o"))
    }

    @Test func resume_takesOnlyWhatItLeft() throws {
        let scratch = try Scratch()
        let parent = try Directory(scratch.path)
        let identities: (place: FileIdentity, output: FileIdentity)
        do {
            let partial = try partial(scratch)
            identities = try (partial.identity, build(partial).identity)
        }
        func resume(_ id: String = "1") throws -> PartialDirectory {
            try PartialDirectory(
                resuming: ".stade-1.partial", identities.place, id: id, in: parent,
                mustBePrivate: true)
        }
        #expect(throws: OutputError.self) { try resume("other") }
        do {
            let resumed = try resume()
            let output = try OutputDirectory(
                resuming: "o", number: 1, identities.output, in: resumed, overwrite: false)
            #expect(output.identity == identities.output)
            #expect(throws: OutputError.self) {
                try OutputDirectory(
                    resuming: "o", number: 1, identities.place, in: resumed, overwrite: false)
            }
        }
        chmod(scratch[".stade-1.partial"], 0o755)
        #expect(throws: OutputError.self) { try resume() }
        chmod(scratch[".stade-1.partial"], 0o700)
        #expect(rename(scratch[".stade-1.partial"], scratch["away"]) == 0)
        _ = try partial(scratch)
        #expect(throws: OutputError.self) { try resume() }
    }

    @Test("fault 50: an output that cannot be written is refused before") func check_whenWrong()
        throws
    {
        let scratch = try Scratch()
        try scratch.write("model/config.json", "{}")
        try scratch.write("old/model/config.json", "{}")
        try scratch.write("old/config.json", "{}")
        try scratch.write("file", "x")
        #expect(symlink("old", scratch["alias"]) == 0)
        let parent = try Directory(scratch.path)
        func reason(
            _ output: String, overwrite: Bool = true, bytes: Int = 1, inputs: [String] = []
        ) throws -> OutputError {
            try #require(throws: OutputError.self) {
                try OutputDirectory.check(
                    output, in: parent, overwrite: overwrite, bytes: bytes, inputs: inputs,
                    for: 1000)
            }
        }
        #expect(try reason("old", overwrite: false).reason == .exists)
        #expect(try reason("file").reason == .notDirectory)
        #expect(try reason("alias").reason == .notDirectory)
        for input in ["old", "old/model", "alias/model", "old/../old/config.json"] {
            #expect(
                try reason("old", inputs: [scratch["model"], scratch[input]]).reason
                    == .holdsInput(scratch[input]))
        }
        let space = try reason("new", bytes: .max)
        guard case .noSpace(let needed, let free, let total) = space.reason else {
            Issue.record("\(space)")
            return
        }
        #expect(needed == .max && free <= total && space.exitCode == .cannotCreate)
        #expect(
            OutputError(output: "o", reason: .noSpace(needed: 3 << 29, free: 1000, total: 1 << 40))
                .description == "o: needs 1.5 GiB, but 1000 bytes are free there")
        #expect(
            OutputError(output: "o", reason: .noSpace(needed: 2, free: 1, total: 3)).exitCode
                == .tryAgain)
        // Nothing of this leaves a trace, and what is right passes.
        for (name, overwrite) in [("new", false), ("old", true)] {
            try OutputDirectory.check(
                name, in: parent, overwrite: overwrite, bytes: 1, inputs: [scratch["model"]],
                for: 1000)
        }
        #expect(!scratch.exists("new") && scratch.exists("old/model/config.json"))
    }
}
