import CLinux
import Documents
import Glibc
import Posix
import Spool

extension Subcommand {
    static let submit = Subcommand(
        name: "submit", summary: "hand a manifest to the daemon", operand: "MANIFEST",
        details: """
            Checks what the manifest says, writes it into the inbox and prints its name there; '-'
            reads it from standard input. 'stadectl list' shows what becomes of it.
            """,
        options: [.configuration, .spool, .json]
    ) { arguments, program in
        let source = try ManifestSource(arguments.operand("the manifest", program))
        let inbox = try SpoolAccess(arguments).spool.inbox
        let name = try drop(source, into: inbox)
        if arguments.flags.contains("--json") {
            return Terminal.show(.object(["file": Node(name)]))
        }
        return Terminal.show(name)
    }

    /// Writes under a dot name, which the daemon ignores, and renames: it sees the whole file or
    /// none.
    private static func drop(_ source: ManifestSource, into inbox: String) throws -> String {
        var stem = lastName(source.file) ?? "manifest"
        if stem.hasSuffix(Layout.Inbox.manifestEnding) {
            stem.removeLast(Layout.Inbox.manifestEnding.count)
        }
        while stem.hasPrefix(".") { stem.removeFirst() }
        // Room for the dots, a number and the ending in the 255 bytes of a name.
        while stem.utf8.count > 200 { stem.removeLast() }
        // Nobody else can have taken a name that nobody knows.
        let draft = joined(inbox, ".\(stem).\(Request.randomTag()).draft")
        do throws(SystemError) {
            let file = try File(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
            try file.write(source.bytes, at: 0)
            // The inbox gives the file the daemon's group, and a strict umask must not undo that.
            if fchmod(file.descriptor, 0o640) != 0 { throw SystemError("chmod", draft) }
            try file.sync()
        } catch {
            if error.errno == EACCES || error.errno == EPERM {
                throw InboxError(inbox: inbox, error: error)
            }
            if error.call != "open" { unlink(draft) }
            throw error
        }
        for number in 1... {
            let name = (number == 1 ? stem : "\(stem)-\(number)") + Layout.Inbox.manifestEnding
            if stade_renameat2(AT_FDCWD, draft, AT_FDCWD, joined(inbox, name), 1) == 0 {
                // Whoever may only write into the inbox cannot open it; the daemon syncs it as
                // well.
                try? syncDirectory(inbox)
                return name
            }
            if errno != EEXIST || number > 10_000 { break }
        }
        let error = SystemError("rename", draft)
        unlink(draft)
        throw error
    }
}

/// The inbox does not let its user write.
struct InboxError: Failure, Hashable {
    let inbox: String
    let error: SystemError

    var exitCode: ExitCode { .notPermitted }

    var description: String {
        "\(escaped(inbox)): cannot write to the inbox: \(String(cString: strerror(error.errno))); "
            + "its group may (usually stade-submit): ask to be added to it"
    }
}
