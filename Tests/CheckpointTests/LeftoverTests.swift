import Checkpoint
import Glibc
import Posix
import TestSupport
import Testing

struct LeftoverTests {
    private func leave(_ scratch: Scratch, _ mark: PartialDirectory.Mark) throws {
        let partial = try PartialDirectory.make(
            mark, in: Directory(scratch.path), mustBePrivate: true)
        try partial.directory.write("x", [1])
    }

    /// Names are matched whole: one job's may be the beginning of another's.
    @Test func removeLeftovers_takesOnlyTheJobsOwn() throws {
        let scratch = try Scratch()
        let parent = try Directory(scratch.path)
        for id in ["20250101", "20250101-0", "20250101-2"] {
            try leave(scratch, PartialDirectory.Mark(id: id, isDaemons: true))
        }
        // Somebody else's at the name of the first one's second attempt.
        mkdir(scratch[".stade-20250101-3.partial"], 0o777)
        try scratch.write(".stade-20250101-3.partial/theirs", "x")
        try PartialDirectory.removeLeftovers(of: "20250101", in: parent)
        #expect(!scratch.exists(".stade-20250101.partial"))
        for left in ["20250101-0.partial/x", "20250101-2.partial/x", "20250101-3.partial/theirs"] {
            #expect(scratch.exists(".stade-\(left)"))
        }
    }

    @Test func removeLeftovers_leavesWhatIsInUse() throws {
        let scratch = try Scratch()
        let parent = try Directory(scratch.path)
        let partial = try PartialDirectory.make(
            PartialDirectory.Mark(id: "job"), in: parent, mustBePrivate: true)
        try PartialDirectory.removeLeftovers(of: "job", in: parent)
        #expect(scratch.exists(partial.name))
    }

    @Test func removeStale_takesWhatNobodyNeeds() throws {
        let scratch = try Scratch()
        let parent = try Directory(scratch.path)
        try leave(scratch, PartialDirectory.Mark(id: "dead"))
        try leave(scratch, PartialDirectory.Mark(id: "daemons", isDaemons: true))
        try leave(scratch, PartialDirectory.Mark(id: "kept", snapshot: ".o.stade-checkpoint"))
        try leave(scratch, PartialDirectory.Mark(id: "lost", snapshot: ".p.stade-checkpoint"))
        try scratch.write(".o.stade-checkpoint/progress.json", "{}")
        try scratch.write(".stade-old.partial/x", "x")
        let running = try PartialDirectory.make(
            PartialDirectory.Mark(id: "running"), in: parent, mustBePrivate: true)
        let found = PartialDirectory.removeStale(in: parent)
        let removed = ["dead", "lost"].map { scratch[".stade-\($0).partial"] }
        #expect(found.count == 3 && removed.allSatisfy { found.contains(.removed($0)) })
        #expect(
            found.contains {
                if case .kept(let path, _) = $0 {
                    path == scratch[".stade-old.partial"]
                } else {
                    false
                }
            })
        for id in ["daemons", "kept", "old", "running"] {
            #expect(scratch.exists(".stade-\(id).partial"))
        }
        #expect(running.name == ".stade-running.partial")
        #expect(!scratch.exists(".stade-dead.partial") && !scratch.exists(".stade-lost.partial"))
    }

    /// Killed while it was made: nothing is in it but the mark, or not even that.
    @Test(arguments: ["", "1\n", nil]) func removeStale_takesWhatHasNoWholeMarkYet(
        _ mark: String?
    ) throws {
        let scratch = try Scratch()
        mkdir(scratch[".stade-dead.partial"], 0o700)
        if let mark { try scratch.write(".stade-dead.partial/.stade-job", mark) }
        let found = PartialDirectory.removeStale(in: try Directory(scratch.path))
        #expect(found == [.removed(scratch[".stade-dead.partial"])])
        #expect(!scratch.exists(".stade-dead.partial"))
    }

    @Test func removeStale_namesWhatHasADamagedMark() throws {
        let scratch = try Scratch()
        mkdir(scratch[".stade-odd.partial"], 0o700)
        try scratch.write(".stade-odd.partial/.stade-job", "?")
        try scratch.write(".stade-odd.partial/1/config.json", "{}")
        let found = PartialDirectory.removeStale(in: try Directory(scratch.path))
        guard case .kept(let path, let why)? = found.first, found.count == 1 else {
            Issue.record("\(found)")
            return
        }
        #expect(path == scratch[".stade-odd.partial"] && why.contains("its mark is damaged"))
        #expect(scratch.exists(".stade-odd.partial/1/config.json"))
    }
}
