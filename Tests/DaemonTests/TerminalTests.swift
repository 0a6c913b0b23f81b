import Glibc
import Posix
import TestSupport
import Testing

/// Nothing reaches a terminal but through one place.
struct TerminalTests {
    @Test func output_isWrittenInOnePlaceOnly() throws {
        let sources = sourcePath("Sources")
        // Each writes what has no stranger's text in it, or has it escaped itself.
        let writers = [
            "Terminal.swift", "Journal.swift", "OutOfMemory.swift", "ChildProcess.swift",
            "WorkerProgram.swift", "WorkerProgram+Slurm.swift", "ProgressDisplay.swift",
            "Subcommand+List.swift", "Attendant.swift",
        ]
        let forbidden = [
            "STDOUT_FILENO", "STDERR_FILENO", "fputs(", "fwrite(", "printf(", " puts(", "stderr",
            " print(", "Swift.print", "debugPrint(", " dump(",
        ]
        var files = 0
        func walk(_ path: String) throws {
            for entry in try DirectoryEntry.list(File(path, O_RDONLY | O_DIRECTORY)) {
                guard let name = entry.name else { continue }
                let full = joined(path, name)
                if entry.kind == .directory { try walk(full) }
                guard name.hasSuffix(".swift") else { continue }
                files += 1
                if writers.contains(name) { continue }
                for line in String(decoding: try readFile(full), as: UTF8.self).split(
                    separator: "\n")
                where !line.drop(while: { $0 == " " }).hasPrefix("//") {
                    for word in forbidden where line.contains(word) {
                        Issue.record("\(name) writes by itself: \(line)")
                    }
                }
            }
        }
        try walk(sources)
        #expect(files > 200)
    }
}
