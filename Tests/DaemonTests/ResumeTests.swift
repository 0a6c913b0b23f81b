import Documents
import Foundation
import Glibc
import Posix
import TestSupport
import Testing

/// `stadectl prune --resume`, killed in the middle of a real, small model.
@Suite struct ResumeTests {
    private static let demo = sourcePath("etc/demo")

    /// A directory with a configuration that has a snapshot written after every block.
    private final class Place {
        private let scratch: Scratch
        var path: String { scratch.path }

        init() throws {
            scratch = try Scratch()
            let path = scratch.path
            mkdir(joined(path, "out"), 0o750)
            let text = """
                version: 1
                spool: \(path)/spool
                roots: {read: [\(ResumeTests.demo)], write: [\(path)]}
                checkpoint: {interval: 0s}

                """
            try writeFile(joined(path, "staded.yaml"), Array(text.utf8))
        }

        func manifest(_ rest: String) throws {
            let text = """
                version: 1
                model: models/tiny-opt
                output: out/m
                calibration: {text: text/calibration.txt, samples: 16, length: 128}
                evaluation: {text: text/evaluation.txt, length: 128, windows: 8}
                statistics: true
                \(rest)

                """
            try writeFile(joined(path, "m.yaml"), Array(text.utf8))
        }

        func prune(ignoring signal: CInt? = nil) throws -> Program {
            try Program(
                "stadectl",
                ["prune", "--resume", "--config", joined(path, "staded.yaml"), "\(path)/m.yaml"],
                output: joined(path, "log"), setup: signal.map { "trap '' \($0)" })
        }

        func names(_ directory: String) throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: joined(path, directory)).sorted()
        }

        /// Where the snapshot stands: outputs begun, and blocks done in the last of them.
        var kept: [Int]? {
            let file = joined(path, "out/.m.stade-checkpoint/progress.json")
            guard let bytes = try? readFile(file), let node = try? JSON.parse(bytes, file: file),
                let block = node["block"]?.integer, let outputs = node["outputs"]?.array
            else { return nil }
            return [outputs.count, block]
        }

        /// Every file, but for times, by output and name.
        func results() throws -> [String: [UInt8]] {
            var results: [String: [UInt8]] = [:]
            for output in try names("out") {
                // The page has what the JSON has, times among it.
                for file in try names("out/\(output)") where file != "stade-report.html" {
                    var bytes = try readFile("\(path)/out/\(output)/\(file)")
                    if file == "stade-report.json" {
                        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
                        let stable = lines.filter { line in
                            !["\"id\"", "seconds", "per_second", "peak_memory"].contains {
                                line.contains($0)
                            }
                        }
                        bytes = Array(stable.joined(separator: "\n").utf8)
                    }
                    results["\(output)/\(file)"] = bytes
                }
            }
            return results
        }
    }

    @Test(arguments: [
        "prune: {sparsity: 0.5}", "prune: {sparsity: [0.3, 0.6], method: wanda}",
        "prune: {sparsity: [0.3, 0.6], sequential: false}",
    ])
    func killedAfterEachBlock_makesTheSameBits(_ rest: String) throws {
        let place = try Place()
        try place.manifest(rest)
        #expect(try place.prune().wait() == 0)
        let expected = try place.results()
        try removeTree(joined(place.path, "out"))
        mkdir(joined(place.path, "out"), 0o750)

        var seen: [[Int]] = []
        var status: CInt = 0
        for _ in 0..<20 {
            unlink(joined(place.path, "log"))
            let before = place.kept
            let program = try place.prune()
            // Killed as soon as it got further, unless it is done.
            #expect(
                eventually(within: 60) {
                    let now = place.kept
                    // At its end the snapshot goes.
                    return program.hasEnded || (now != nil && now != before)
                })
            kill(program.identifier, SIGKILL)
            status = program.wait()
            if before != nil {
                #expect(program.output.contains("resumed "))
                #expect(!program.output.contains("from the beginning"))
            }
            if status == 0 { break }
            #expect(status == 128 + SIGKILL)
            if let now = place.kept { seen.append(now) }
        }
        #expect(status == 0)
        // One may be missed between two looks.
        #expect(Set(seen).count >= 2)
        #expect(try place.names("out").filter { $0.hasPrefix(".") } == [])
        #expect(try place.results() == expected)
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func stopped_keepsWhatIsDone(_ signal: CInt) throws {
        let place = try Place()
        try place.manifest("prune: {sparsity: [0.3, 0.6]}")
        let first = try place.prune()
        #expect(eventually(within: 60) { place.kept != nil || first.hasEnded })
        // On a thread that is inside a product, its frame would be written over the heap.
        let blocked = first.blockedSignals
        #expect(blocked.count >= 2)
        #expect(blocked.allSatisfy { $0 & 1 << UInt64(signal - 1) != 0 })
        kill(first.identifier, signal)
        #expect(first.wait() == 75)
        #expect(place.kept != nil)
        let second = try place.prune()
        #expect(second.wait() == 0)
        #expect(second.output.contains("resumed "))
        #expect(try place.names("out").count == 2)
    }

    /// What a killed process leaves goes with the next one; what another still builds stays.
    @Test func killedWithoutASnapshot_isCleanedUpAfter() throws {
        let place = try Place()
        try place.manifest("prune: {sparsity: [0.3, 0.6]}")
        let words = [
            "prune", "--config", joined(place.path, "staded.yaml"), "\(place.path)/m.yaml",
        ]
        func partials() -> [String] {
            ((try? place.names("out")) ?? []).filter { $0.hasPrefix(".stade-") }
        }
        let first = try Program("stadectl", words, output: joined(place.path, "first"))
        #expect(eventually(within: 60) { !partials().isEmpty || first.hasEnded })
        kill(first.identifier, SIGKILL)
        #expect(first.wait() == 128 + SIGKILL)
        let stale = try #require(partials().first)
        // The process that computed goes a moment after the one that was killed.
        let left = try Directory("\(place.path)/out/\(stale)")
        #expect(eventually { (try? left.lock(patience: 0)) == true })
        flock(left.descriptor, LOCK_UN)
        let second = try Program("stadectl", words, output: joined(place.path, "second"))
        #expect(eventually(within: 60) { partials() != [stale] && !partials().isEmpty })
        let running = try #require(partials().last)
        // Of another output beside it, so that neither is in the other's way.
        let text = String(decoding: try readFile("\(place.path)/m.yaml"), as: UTF8.self)
        try writeFile("\(place.path)/n.yaml", Array(text.replacing("out/m", with: "out/n").utf8))
        let third = try Program(
            "stadectl", words.dropLast() + ["\(place.path)/n.yaml"],
            output: joined(place.path, "third"))
        #expect(second.wait() == 0)
        #expect(second.output.contains("removed \(place.path)/out/\(stale)"), "\(second.output)")
        _ = third.wait()
        #expect(!third.output.contains(running), "\(third.output)")
        #expect(partials() == [])
    }

    /// A snapshot that nobody can go on from keeps no unfinished output.
    @Test(arguments: ["20261128-195707", "?", ""])
    func killedWithADamagedID_leavesNothing(_ id: String) throws {
        let place = try Place()
        try place.manifest("prune: {sparsity: 0.5}")
        let first = try place.prune()
        #expect(eventually(within: 60) { place.kept != nil || first.hasEnded })
        kill(first.identifier, SIGKILL)
        _ = first.wait()
        let snapshot = try #require(place.names("out").first { $0.hasSuffix("-checkpoint") })
        try writeFile("\(place.path)/out/\(snapshot)/id", Array(id.utf8))
        let second = try place.prune()
        #expect(second.wait() == 0, "\(second.output)")
        #expect(try place.names("out") == ["m"])
    }

    @Test func hungUp_goesOnUnderNohup() throws {
        let place = try Place()
        try place.manifest("prune: {sparsity: [0.3, 0.6]}")
        let program = try place.prune(ignoring: SIGHUP)
        #expect(eventually(within: 60) { place.kept != nil || program.hasEnded })
        kill(program.identifier, SIGHUP)
        #expect(program.wait() == 0)
        #expect(try place.names("out").count == 2)
    }
}
