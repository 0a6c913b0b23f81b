import Glibc
import TestSupport
import Testing

@testable import Posix

/// What a manifest's owner may not do himself, the daemon does not do for him.
struct SubmitterTests {
    private static let stranger: UInt32 = 3_000_000_001
    private static let group: UInt32 = 3_000_000_002

    private func status(_ mode: mode_t, uid: UInt32 = 1, gid: UInt32 = 1) -> FileAccess {
        var status = stat()
        status.st_mode = S_IFREG | mode
        status.st_uid = uid
        status.st_gid = gid
        return FileAccess(status, .none)
    }

    @Test func rights_areThoseOfTheFirstClassThatFits() {
        let user = Submitter(uid: Self.stranger, groups: [Self.group])
        #expect(user.has(.read, status(0o004)))
        #expect(!user.has(.read, status(0o440)))
        #expect(user.has(.read, status(0o040, gid: Self.group)))
        #expect(user.has(.read, status(0o400, uid: Self.stranger)))
        // The owner's bits count for the owner, even where others may more.
        #expect(!user.has(.read, status(0o044, uid: Self.stranger, gid: Self.group)))
        #expect(!user.has(.read, status(0o404, gid: Self.group)))
        #expect(!user.has([.write, .search], status(0o002)))
        #expect(user.has([.write, .search], status(0o003)))
        #expect(Submitter(uid: 0).has(.write, status(0)))
    }

    /// A file that the daemon made may be anybody's by now.
    @Test func daemonsAccount_isJudgedLikeAnyOther() {
        guard geteuid() != 0 else { return }
        let user = Submitter(uid: geteuid(), groups: [])
        #expect(!user.has(.read, status(0o070, uid: 1)))
    }

    @Test func groups_areTheAccounts() {
        #expect(Submitter(uid: Self.stranger).groups.isEmpty)
        #expect(Submitter(uid: 0).groups.contains(0))
    }

    /// Everything is readable for all, but what each test closes.
    private func tree() throws -> (Scratch, Roots) {
        let scratch = try Scratch()
        // mkdtemp(3) lets nobody else pass.
        chmod(scratch.path, 0o755)
        for name in ["in", "in/m", "in/m/sub", "in/way", "in/way/m", "out"] {
            try scratch.makeDirectory(name)
        }
        for name in ["in/m/config.json", "in/m/sub/x", "in/text", "in/way/m/config.json"] {
            try scratch.write(name, name)
            chmod(scratch[name], 0o644)
        }
        chmod(scratch["out"], 0o777)
        let roots = Roots(
            .below(read: [scratch["in"]], write: [scratch["out"]]),
            submitter: Submitter(uid: Self.stranger, groups: []))
        return (scratch, roots)
    }

    @Test func open_isAllowed() throws {
        let (scratch, roots) = try tree()
        #expect(try roots.directoryToRead("m").path == scratch["in/m"])
        #expect(try roots.directoryToRead("way/m").path == scratch["in/way/m"])
        #expect(try roots.fileToRead("text").path == scratch["in/text"])
        #expect(try roots.outputPath("o") == scratch["out/o"])
    }

    @Test(
        "faults 25, 50: what the submitter may not do himself is refused",
        arguments: [
            ("in/m/config.json", 0o640, "m", "read"), ("in/m/sub/x", 0o600, "m", "read"),
            ("in/m/sub", 0o751, "m", "list"), ("in/m", 0o754, "m", "list"),
            ("in/way", 0o750, "way/m", "pass through"), ("in/text", 0o640, "text", "read"),
            ("out", 0o755, "o", "write to"), ("out", 0o772, "o", "write to"),
        ] as [(String, mode_t, String, String)])
    func closed_isRefused(_ closed: String, _ mode: mode_t, _ path: String, _ verb: String) throws {
        let (scratch, roots) = try tree()
        #expect(chmod(scratch[closed], mode) == 0)
        let error = try #require(throws: RootsError.self) {
            switch path {
            case "text": _ = try roots.fileToRead(path)
            case "o": _ = try roots.outputPath(path)
            default: _ = try roots.directoryToRead(path)
            }
        }
        #expect(error.exitCode == .notPermitted)
        #expect(error.description.hasPrefix(scratch[closed] + ": user \(Self.stranger)"))
        #expect(error.description.contains("may not \(verb) it"))
    }
}
