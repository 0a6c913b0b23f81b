import Glibc
import TestSupport
import Testing

@testable import Posix

/// Links inside a directory below a root, as in a snapshot of the hub's cache.
struct RootsLinkTests {
    /// `a/model` with links, `a/blobs` where some lead, `outside` where none may.
    private func tree() throws -> (Scratch, Roots) {
        let scratch = try Scratch()
        for name in ["a", "a/model", "a/model/sub", "a/blobs", "outside"] {
            try scratch.makeDirectory(name)
        }
        for name in ["a/blobs/1", "a/blobs/2", "a/model/plain", "outside/secret"] {
            try writeFile(scratch[name], Array(name.utf8))
        }
        let links = [
            ("one", "../blobs/1"), ("sub/two", "../../blobs/2"), ("chain", "one"),
            ("out", "../../outside/secret"), ("far", "/etc/passwd"),
            ("absolute", scratch["a/blobs/1"]), ("none", "../blobs/none"), ("self", "self"),
            ("directory", "../blobs"), ("proc", "/proc/self/exe"),
        ]
        for (name, target) in links { try scratch.link("a/model/\(name)", to: target) }
        return (scratch, Roots(.below(read: [scratch["a"]], write: [])))
    }

    private func read(_ name: String, _ directory: OpenFile) throws -> String {
        let file = try File(
            name, in: directory.path, opened: directory, followSymlinks: false)
        #expect(file.path == joined(directory.path, name))
        return String(decoding: try file.readRegular(atMost: 100), as: UTF8.self)
    }

    @Test func links_belowTheRoot_areFollowed() throws {
        let (scratch, roots) = try tree()
        let model = try roots.directoryToRead("model")
        #expect(try read("plain", model) == "a/model/plain")
        #expect(try read("one", model) == "a/blobs/1")
        #expect(try read("chain", model) == "a/blobs/1")
        #expect(try read("sub/two", model) == "a/blobs/2")
        #expect(
            Set(model.linkedFiles.map(\.path)) == [scratch["a/blobs/1"], scratch["a/blobs/2"]])
    }

    @Test(arguments: ["out", "far", "absolute", "proc"])
    func links_thatLeaveTheRoot_areRefusedByName(_ name: String) throws {
        let (scratch, roots) = try tree()
        let model = try roots.directoryToRead("model")
        let error = try #require(throws: RootsError.self) { try read(name, model) }
        #expect(error.path == scratch["a/model/\(name)"] && error.exitCode == .notPermitted)
        #expect(error.description.contains("leads out of the allowed root \(scratch["a"])"))
    }

    @Test(arguments: ["none", "self", "directory"])
    func links_toWhatIsNoFile_areNotFollowed(_ name: String) throws {
        let (scratch, roots) = try tree()
        let model = try roots.directoryToRead("model")
        let error = try #require(throws: SystemError.self) { try read(name, model) }
        #expect(error.errno == ELOOP, "\(scratch.path)")
    }

    /// What was looked at is what is read, wherever the link leads by then.
    @Test func link_thatIsChanged_leadsWhereItLed() throws {
        let (scratch, roots) = try tree()
        let model = try roots.directoryToRead("model")
        unlink(scratch["a/model/one"])
        try scratch.link("a/model/one", to: "../../outside/secret")
        #expect(try read("one", model) == "a/blobs/1")
        // And what was a file before is not followed as a link.
        unlink(scratch["a/model/plain"])
        try scratch.link("a/model/plain", to: "../../outside/secret")
        #expect(throws: SystemError.self) { try read("plain", model) }
    }

    /// The submitter must have the right to read the file where it is.
    @Test func link_toWhatTheSubmitterMayNotRead_isRefused() throws {
        let (scratch, _) = try tree()
        var above = scratch.path
        // Everybody may come as far as the tree.
        while above != "/" && above != P_tmpdir {
            chmod(above, 0o755)
            above = "/" + above.split(separator: "/").dropLast().joined(separator: "/")
        }
        for name in ["a", "a/model", "a/model/sub", "a/blobs"] { chmod(scratch[name], 0o755) }
        for name in ["a/model/plain", "a/blobs/2"] { chmod(scratch[name], 0o644) }
        chmod(scratch["a/blobs/1"], 0o600)
        let roots = Roots(
            .below(read: [scratch["a"]], write: []),
            submitter: Submitter(uid: 4_000_000, groups: []))
        let model = try roots.directoryToRead("model")
        #expect(try read("sub/two", model) == "a/blobs/2")
        let error = try #require(throws: RootsError.self) { try read("one", model) }
        #expect(error.description.contains("may not read it"))
        chmod(scratch["a/blobs/1"], 0o644)
        chmod(scratch["a/blobs"], 0o700)
        let closed = Roots(
            .below(read: [scratch["a"]], write: []),
            submitter: Submitter(uid: 4_000_000, groups: []))
        let other = try closed.directoryToRead("model")
        #expect(throws: RootsError.self) { try read("one", other) }
    }

    @Test func directory_ofVeryManyLinks_isRefused() throws {
        let (scratch, roots) = try tree()
        for index in 0..<601 { try scratch.link("a/model/l\(index)", to: "../blobs/1") }
        let error = try #require(throws: RootsError.self) { try roots.directoryToRead("model") }
        #expect(error.description.contains("more than 600 symbolic links"))
    }
}
