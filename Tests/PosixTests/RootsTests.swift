import Glibc
import TestSupport
import Testing

@testable import Posix

struct RootsTests {
    /// `a` and `b` to read, `w` to write, and links in them.
    private func tree() throws -> (Scratch, Roots) {
        let scratch = try Scratch()
        for name in ["a", "a/m", "b", "b/m", "b/only", "w", "w/sub", "outside"] {
            try scratch.makeDirectory(name)
        }
        for name in ["a/text", "b/only/text", "outside/secret"] { try scratch.write(name, name) }
        try scratch.link("a/out", to: "../outside")
        try scratch.link("a/in", to: "m")
        try scratch.link("a/text-link", to: "text")
        try scratch.link("a/passwd", to: "/etc/passwd")
        try scratch.link("w/out", to: "../outside")
        try scratch.link("root-link", to: "a")
        #expect(mkfifo(scratch["a/pipe"], 0o600) == 0)
        let roots = Roots(
            .below(read: [scratch["a"], scratch["b"] + "/"], write: [scratch["w"]]))
        return (scratch, roots)
    }

    @Test func below_findsInOrder() throws {
        let (scratch, roots) = try tree()
        #expect(try roots.directoryToRead("m").path == scratch["a/m"])
        #expect(try roots.directoryToRead("./m//").path == scratch["a/m"])
        #expect(try roots.directoryToRead("only").path == scratch["b/only"])
        #expect(try roots.directoryToRead(scratch["b/m"]).path == scratch["b/m"])
        #expect(try roots.directoryToRead(scratch["a"]).path == scratch["a"])
        #expect(try roots.fileToRead("text").path == scratch["a/text"])
        #expect(try roots.fileToRead("only/text").path == scratch["b/only/text"])
        #expect(try roots.outputPath("o") == scratch["w/o"])
        #expect(try roots.outputPath("sub/o/") == scratch["w/sub/o"])
        #expect(try roots.outputPath(scratch["w/sub/o"]) == scratch["w/sub/o"])
        #expect(!roots.followSymlinks)
    }

    @Test func below_whenRootIsLink_returnsTheRealPath() throws {
        let (scratch, _) = try tree()
        let roots = Roots(.below(read: [scratch["root-link"]], write: []))
        #expect(try roots.directoryToRead("m").path == scratch["a/m"])
        #expect(try roots.directoryToRead(scratch["root-link/m"]).path == scratch["a/m"])
    }

    struct Case: Sendable, CustomTestStringConvertible {
        enum Kind: Sendable { case directory, file, output }
        let kind: Kind
        let path: String
        let exitCode: ExitCode
        /// Must be in the message; `$` is the scratch directory.
        let text: String
        var testDescription: String { "\(kind) \(path)" }
    }

    static let refused = [
        Case(kind: .directory, path: "", exitCode: .configuration, text: "not a path"),
        Case(kind: .directory, path: "m\0x", exitCode: .configuration, text: "not a path"),
        Case(kind: .directory, path: "../outside", exitCode: .notPermitted, text: "\"..\""),
        Case(kind: .directory, path: "m/../m", exitCode: .notPermitted, text: "\"..\""),
        Case(kind: .directory, path: "$/a/../b", exitCode: .notPermitted, text: "\"..\""),
        Case(kind: .directory, path: "/etc", exitCode: .notPermitted, text: "$/a, $/b"),
        Case(kind: .directory, path: "$/outside", exitCode: .notPermitted, text: "$/a, $/b"),
        Case(kind: .directory, path: "$/ab", exitCode: .notPermitted, text: "not under"),
        Case(kind: .directory, path: "out", exitCode: .notPermitted, text: "$/a/out: symbolic"),
        Case(kind: .directory, path: "in", exitCode: .notPermitted, text: "$/a/in: symbolic"),
        Case(kind: .file, path: "out/secret", exitCode: .notPermitted, text: "$/a/out/secret: sym"),
        Case(kind: .file, path: "text-link", exitCode: .notPermitted, text: "symbolic"),
        Case(kind: .file, path: "passwd", exitCode: .notPermitted, text: "symbolic"),
        Case(kind: .file, path: "none", exitCode: .noInput, text: "looked for $/a/none, $/b/none"),
        Case(kind: .file, path: "text/x", exitCode: .noInput, text: "looked for $/a/text/x"),
        Case(kind: .file, path: "$/b/none", exitCode: .noInput, text: "looked for $/b/none"),
        Case(kind: .file, path: "m", exitCode: .noInput, text: "$/a/m is not a regular file"),
        Case(kind: .file, path: "pipe", exitCode: .noInput, text: "$/a/pipe is not a regular"),
        Case(kind: .directory, path: "text", exitCode: .noInput, text: "$/a/text is not a dir"),
        Case(kind: .output, path: "$/a/o", exitCode: .notPermitted, text: "($/w)"),
        Case(kind: .output, path: "out/o", exitCode: .notPermitted, text: "symbolic"),
        Case(kind: .output, path: "../o", exitCode: .notPermitted, text: "\"..\""),
        Case(kind: .output, path: "sub/..", exitCode: .configuration, text: "new directory"),
        Case(kind: .output, path: "$/w", exitCode: .configuration, text: "new directory"),
        Case(kind: .output, path: ".", exitCode: .configuration, text: "new directory"),
        Case(kind: .output, path: "none/o", exitCode: .cannotCreate, text: "looked for $/w/none"),
    ]

    @Test("fault 25: paths that lead out of the roots are refused", arguments: refused)
    func below_refuses(_ refused: Case) throws {
        let (scratch, roots) = try tree()
        let path = refused.path.replacing("$", with: scratch.path)
        let error = try #require(throws: RootsError.self) {
            switch refused.kind {
            case .directory: _ = try roots.directoryToRead(path)
            case .file: _ = try roots.fileToRead(path)
            case .output: _ = try roots.outputPath(path)
            }
        }
        #expect(error.exitCode == refused.exitCode)
        #expect(error.description.contains(refused.text.replacing("$", with: scratch.path)))
        #expect(error.path == path && !error.description.contains("\n"))
    }

    /// What was looked at is what comes back, wherever its path leads to by then.
    @Test func below_whenAskedAgain_isTheSame() throws {
        let (scratch, roots) = try tree()
        let model = try roots.directoryToRead("m")
        let text = try roots.fileToRead("text")
        let parent = try roots.output("sub/o").parent
        for name in ["a/m", "a/text", "w/sub"] {
            #expect(rename(scratch[name], scratch[name + "-away"]) == 0)
            try scratch.makeDirectory(name)
        }
        #expect(try roots.directoryToRead("m").status().st_ino == model.status().st_ino)
        #expect(try roots.fileToRead("text").status().st_ino == text.status().st_ino)
        #expect(try roots.output("sub/p").parent.status().st_ino == parent.status().st_ino)
        let again = Roots(.below(read: [scratch["a"]], write: [scratch["w"]]))
        #expect(try again.directoryToRead("m").status().st_ino != model.status().st_ino)
    }

    @Test func below_whenNoRootIsSet() throws {
        let error = try #require(throws: RootsError.self) {
            try Roots(.below(read: [], write: [])).fileToRead("x")
        }
        #expect(error.exitCode == .notPermitted && error.description.contains("none is set"))
    }

    @Test func unrestricted_followsLinksAndParents() throws {
        let (scratch, _) = try tree()
        let roots = Roots(.unrestricted(base: scratch["a"]))
        #expect(try roots.directoryToRead("out").path == scratch["a/out"])
        #expect(try roots.directoryToRead("../b/m").path == scratch["a/../b/m"])
        #expect(try roots.directoryToRead(".").path == scratch["a"])
        #expect(try roots.fileToRead(scratch["outside/secret"]).path == scratch["outside/secret"])
        #expect(try roots.outputPath("../w/o") == scratch["a/../w/o"])
        #expect(try roots.outputPath("o") == scratch["a/o"])
        #expect(roots.followSymlinks)
        let missing = try #require(throws: RootsError.self) { try roots.fileToRead("none") }
        #expect(missing.reason == .notFound(places: [scratch["a/none"]]))
        let parent = try #require(throws: RootsError.self) { try roots.outputPath("none/o") }
        #expect(parent.reason == .noParent(places: [scratch["a/none"]]))
        let nameless = try #require(throws: RootsError.self) { try roots.outputPath("/") }
        #expect(nameless.reason == .noName)
    }

    /// Where the kernel lacks openat2(2), the same must come out.
    @Test func openStepwise_agreesWithTheKernel() throws {
        let (scratch, _) = try tree()
        let root = try File(scratch["a"], O_RDONLY | O_DIRECTORY)
        let paths = [
            ".", "m", "m/", "m/.", "./m", "text", "text/x", "none", "none/x", "out", "out/secret",
            "in", "in/.", "text-link", "passwd", "..", "m/..", "m/../..", "/etc",
        ]
        for path in paths {
            let flags = O_RDONLY | O_NONBLOCK
            var expected: CInt = 0
            do { _ = try File(path, beneath: root, flags) } catch { expected = error.errno }
            let descriptor = openStepwise(root.descriptor, path, flags)
            let code = descriptor < 0 ? errno : 0
            if descriptor >= 0 { close(descriptor) }
            if path == "m/.." {
                // Stays below for the kernel; no path with `..` gets this far.
                #expect(expected == 0 && code == EXDEV)
            } else {
                #expect(code == expected, "\(path)")
            }
        }
    }
}
