import Glibc
import Posix
import Spool
import TestSupport

/// A spool in a directory of its own, removed with the value.
final class ScratchSpool {
    private let scratch: Scratch
    var path: String { scratch.path }
    let spool: Spool
    var inbox: Inbox
    var hints = Hints()
    /// The clock that the inbox is told.
    var now = 1000.0

    static let manifest = """
        version: 1
        model: tiny
        output: out
        prune: {method: magnitude}

        """

    init() throws {
        scratch = try Scratch()
        let path = scratch.path
        spool = Spool(path: joined(path, "spool"), inbox: joined(path, "spool/inbox"))
        inbox = Inbox(spool)
        try spool.create()
    }

    /// Puts a file into the inbox, as if it had been renamed into it.
    func drop(_ name: String, _ text: String = ScratchSpool.manifest) throws {
        try writeFile(joined(spool.inbox, name), Array(text.utf8))
        hint(name)
    }

    /// As the watch does.
    func hint(_ name: String, _ kind: Hints.Kind = .moved) {
        hints.note(name.utf8CString.map { $0 }, kind) { status(name)?.st_uid }
    }

    /// Of a name in the inbox.
    func status(_ name: String) -> stat? {
        var result = stat()
        return lstat(joined(spool.inbox, name), &result) == 0 ? result : nil
    }

    /// A socket in the inbox.
    func makeSocket(_ name: String) throws {
        guard mknod(joined(spool.inbox, name), S_IFSOCK | 0o644, 0) == 0 else {
            throw SystemError("mknod", name)
        }
    }

    /// What else would depend on how busy the machine is.
    var rules: Inbox.Rules {
        var rules = Inbox.Rules()
        rules.patience = 60
        rules.lookSlice = 60
        rules.reserve = 0
        return rules
    }

    func scan(room: (UInt32) -> Int = { _ in .max }) throws -> Intake {
        try scan(rules, room: room)
    }

    func scan(_ rules: Inbox.Rules, room: (UInt32) -> Int = { _ in .max }) throws -> Intake {
        defer { hints = Hints() }
        return try inbox.scan(hints, now: now, rules, room: room)
    }

    /// Scans until nothing is left to do at once.
    func scanAll(room: (UInt32) -> Int = { _ in .max }) throws -> [Intake] {
        var result: [Intake] = []
        repeat { result.append(try scan(room: room)) } while result.last?.hasMore == true
        return result
    }

    /// The same when a look through the inbox is due again.
    func scanAllAfterALook() throws -> [Intake] {
        now += 3600
        return try scanAll()
    }

    /// What is in the inbox but for the directory of claims.
    var dropped: [String] {
        get throws { try names("spool/inbox").filter { $0 != ".claims" } }
    }

    /// Recovers as a daemon that starts does, then scans.
    func restart() throws -> (recovery: Spool.Recovery, intake: Intake) {
        let recovery = try spool.recover(roots)
        inbox = Inbox(spool)
        hints = Hints()
        return (recovery, try scan())
    }

    var roots: Roots { Roots(.below(read: [path], write: [path])) }

    /// The names in a directory below the scratch directory.
    func names(_ directory: String) throws -> [String] {
        try DirectoryEntry.list(File(joined(path, directory), O_RDONLY | O_DIRECTORY))
            .compactMap(\.name)
    }

    func text(_ file: String) throws -> String {
        String(decoding: try readFile(joined(path, file)), as: UTF8.self)
    }

    /// One queued job.
    func queueOne(_ name: String = "a.yaml", _ text: String = manifest) throws -> JobRecord {
        try drop(name, text)
        let intake = try scan()
        guard let record = intake.accepted.first else {
            throw SystemError("queue", name, errno: ENOENT)
        }
        return record
    }

    /// Publishes outputs, as a job would that notes them before.
    func publish(_ record: JobRecord, _ names: [String] = ["out"]) throws {
        let checkpoint = joined(spool.directory(record.id, record.state), "checkpoint")
        mkdir(checkpoint, 0o750)
        let outputs = try names.map { name in
            let output = joined(path, name)
            var status = stat()
            guard mkdir(output, 0o750) == 0, stat(output, &status) == 0 else {
                throw SystemError("mkdir", output)
            }
            return """
                {"path": "\(output)", "device": \(status.st_dev), "inode": \(status.st_ino),
                 "perplexity_dense": 40.8, "perplexity_pruned": 42.1, "weights": 100, "zeros": 50,
                 "seconds": 12.5}
                """
        }
        try writeFile(
            joined(checkpoint, "outputs.json"),
            Array(#"{"version": 1, "outputs": [\#(outputs.joined(separator: ","))]}"#.utf8))
    }
}
