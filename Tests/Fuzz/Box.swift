import Glibc
import Posix
import TestSupport

/// A directory with valid files of every kind, which the programs themselves have made where they
/// can.
struct Box {
    /// What sysexits(3) and `ExitCode` allow, without the program's own mistake.
    private static let statuses: Set<CInt> = [0, 64, 65, 66, 73, 74, 75, 77, 78]

    let settings: Settings
    private let scratch: Scratch
    var path: String { scratch.path }

    init(_ settings: Settings) throws {
        self.settings = settings
        scratch = try Scratch()
        // What is relative in manifests starts here.
        guard chdir(path) == 0 else { throw SystemError("chdir", path) }
        do { try prepare() } catch {
            remove()
            throw error
        }
    }

    func remove() {
        _ = chdir("/")
        try? removeTree(path)
    }

    var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    subscript(name: String) -> String { joined(path, name) }

    var stadectl: String { joined(settings.programs, "stadectl") }
    var staded: String { joined(settings.programs, "staded") }

    func run(_ words: [String]) throws -> Command.End {
        try Command(
            words: words, log: self["said"],
            variables: [
                "PATH=/usr/bin:/bin", "LC_ALL=C", "TMPDIR=\(self["tmp"])", "OPENBLAS_NUM_THREADS=1",
                "SWIFT_BACKTRACE=enable=no",
            ]
        ).run()
    }

    /// What has to work, or there is nothing to spoil.
    func need(_ words: [String]) throws {
        let end = try run(words)
        guard end.status == 0 else {
            let said = String(decoding: end.said.suffix(2000), as: UTF8.self)
            throw FuzzError(text: "\(words.joined(separator: " ")): status \(end.status)\n\(said)")
        }
    }

    func shell(_ text: String) throws { try need(["/bin/sh", "-ec", text]) }

    /// One case, and what is wrong with how it ended.
    func `try`(
        _ target: Target, _ bytes: [UInt8], _ words: [String]
    ) throws -> (Command.End, [String]) {
        if let (from, to) = target.pristine { try shell("rm -rf '\(to)'; cp -a '\(from)' '\(to)'") }
        try replace(target.file, bytes)
        let end = try run(words)
        var faults: [String] = []
        if end.isHung {
            faults.append("hung, \(Int(end.seconds)) s")
        } else if end.status >= 128 {
            faults.append("signal \(end.status - 128)")
        } else if !Self.statuses.contains(end.status) {
            faults.append("exit status \(end.status)")
        }
        if end.memory > target.memory { faults.append("\(end.memory) MiB of memory") }
        let hasControls = end.said.contains { ($0 < 0x20 && $0 != 0x0a) || $0 == 0x7f }
        if hasControls { faults.append("control characters in what it says") }
        if end.status != 0, end.said.isEmpty { faults.append("fails without a word") }
        faults += try leftovers(target, end.status)
        if target.pristine == nil, let valid = target.seeds.first {
            try replace(target.file, target.wrap?(valid) ?? valid)
        }
        return (end, faults)
    }

    private func replace(_ name: String, _ bytes: [UInt8]) throws {
        _ = unlink(name)
        try writeFile(self[name], bytes)
    }

    /// Names that nobody needs any more, in the outputs' place and in that for temporary files.
    private func leftovers(_ target: Target, _ status: CInt) throws -> [String] {
        var left: [String] = []
        for directory in ["out", "tmp"] {
            let names = try DirectoryEntry.list(File(directory, O_RDONLY | O_DIRECTORY))
                .compactMap(\.name)
            // What a snapshot is resumed from stays where that fails; a program that has done
            // its work leaves nothing but its outputs.
            let unwanted = names.filter { name in
                directory == "tmp" || (status == 0 ? name.hasPrefix(".") : target.pristine == nil)
            }
            left += unwanted.map { "left \(directory)/\(escaped($0))" }
            for name in names { try removeTree(joined(directory, name)) }
        }
        return left
    }
}
