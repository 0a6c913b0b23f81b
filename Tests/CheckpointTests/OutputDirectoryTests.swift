import Checkpoint
import Glibc
import Posix
import Testing

struct OutputDirectoryTests {
    private func build(_ scratch: Scratch, id: String = "1", overwrite: Bool = false) throws
        -> OutputDirectory
    {
        let output = try OutputDirectory(output: scratch["o"], id: id, overwrite: overwrite)
        try writeFile(joined(output.partial, "config.json"), [UInt8](id.utf8))
        mkdir(joined(output.partial, "sub"), 0o750)
        try writeFile(joined(output.partial, "sub/x"), [1])
        return output
    }

    @Test func publish_whenNothingIsThere() throws {
        let scratch = try Scratch()
        let output = try build(scratch)
        #expect(output.partial == scratch[".stade-1.partial"] && output.path == scratch["o"])
        #expect(!scratch.exists("o"))
        try output.publish()
        #expect(try scratch.files() == ["o/config.json", "o/sub/x"])
        try output.discard()
        #expect(scratch.exists("o"))
    }

    @Test func discard_leavesNothing() throws {
        let scratch = try Scratch()
        let output = try build(scratch)
        try scratch.write("kept", "x")
        #expect(symlink("../kept", joined(output.partial, "link")) == 0)
        try output.discard()
        #expect(try scratch.files() == ["kept"])
    }

    @Test func init_whenAnEarlierAttemptIsThere_startsAnew() throws {
        let scratch = try Scratch()
        try scratch.write(".stade-1.partial/sub/stale", "x")
        try scratch.write(".stade-2.partial/of-another-job", "x")
        try build(scratch).publish()
        #expect(
            try scratch.files() == [".stade-2.partial/of-another-job", "o/config.json", "o/sub/x"])
    }

    @Test func publish_whenSomethingHasComeThere() throws {
        let scratch = try Scratch()
        let output = try build(scratch)
        mkdir(scratch["o"], 0o750)
        let error = try #require(throws: OutputError.self) { try output.publish() }
        #expect(error.reason == .exists && error.output == scratch["o"])
        #expect(error.exitCode == .cannotCreate)
        #expect(error.description.contains("overwrite: true"))
        #expect(scratch.exists(".stade-1.partial/config.json"))
    }

    @Test func publish_whenOverwriting() throws {
        let scratch = try Scratch()
        try scratch.write("o/config.json", "old")
        try scratch.write("o/stale/deep/x", "old")
        try build(scratch, id: "new", overwrite: true).publish()
        #expect(try scratch.files() == ["o/config.json", "o/sub/x"])
        #expect(try scratch.text("o/config.json") == "new")
    }

    @Test func publish_whenOverwritingAndNothingIsThere() throws {
        let scratch = try Scratch()
        try build(scratch, overwrite: true).publish()
        #expect(try scratch.files() == ["o/config.json", "o/sub/x"])
    }

    @Test(arguments: ["file", "link", "no checkpoint"])
    func publish_whenWhatIsThereMustStay(_ kind: String) throws {
        let scratch = try Scratch()
        let output = try build(scratch, overwrite: true)
        try scratch.write("precious/thesis", "x")
        switch kind {
        case "file": try scratch.write("o", "x")
        case "link": #expect(symlink("precious", scratch["o"]) == 0)
        default: #expect(rename(scratch["precious"], scratch["o"]) == 0)
        }
        let error = try #require(throws: OutputError.self) { try output.publish() }
        #expect(error.reason == (kind == "no checkpoint" ? .notCheckpoint : .notDirectory))
        try output.discard()
        #expect(scratch.exists(kind == "no checkpoint" ? "o/thesis" : "precious/thesis"))
    }

    @Test("fault 63: an output whose parent was removed fails") func publish_whenParentIsRemoved()
        throws
    {
        let scratch = try Scratch()
        mkdir(scratch["p"], 0o755)
        let output = try OutputDirectory(output: scratch["p/o"], id: "1", overwrite: false)
        try removeTree(scratch["p"])
        let error = try #require(throws: SystemError.self) { try output.publish() }
        #expect(error.errno == ENOENT && error.path == output.partial)
        try output.discard()
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
        func reason(
            _ output: String, overwrite: Bool = true, bytes: Int = 1, inputs: [String] = []
        ) throws -> OutputError {
            try #require(throws: OutputError.self) {
                try OutputDirectory.check(
                    output: scratch[output], overwrite: overwrite, bytes: bytes, inputs: inputs)
            }
        }
        #expect(try reason("none/o").reason == .noParent)
        #expect(try reason("file/o").reason == .noParent)
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
        try OutputDirectory.check(
            output: scratch["new"], overwrite: false, bytes: 1, inputs: [scratch["model"]])
        try OutputDirectory.check(
            output: scratch["old"], overwrite: true, bytes: 1, inputs: [scratch["model"]])
        #expect(!scratch.exists("new") && scratch.exists("old/model/config.json"))
    }

    @Test func init_whenParentIsLinkAndNotFollowed() throws {
        let scratch = try Scratch()
        mkdir(scratch["p"], 0o755)
        #expect(symlink("p", scratch["link"]) == 0)
        #expect(throws: CheckpointError.self) {
            try OutputDirectory(
                output: scratch["link/o"], id: "1", overwrite: false, followSymlinks: false)
        }
        #expect(try scratch.files("p").isEmpty)
    }
}
