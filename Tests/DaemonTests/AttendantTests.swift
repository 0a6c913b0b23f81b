import Foundation
import Glibc
import Posix
import TestSupport
import Testing

/// `stadectl` ends with one line and a status of its table, whatever ends it.
@Suite struct AttendantTests {
    private static let demo = sourcePath("etc/demo")
    /// Those of the help.
    private static let statuses: Set<CInt> = [0, 64, 65, 66, 70, 73, 74, 75, 77, 78]

    /// A directory with a model of its own and a manifest that takes seconds.
    private final class Place {
        private let scratch: Scratch
        var path: String { scratch.path }
        var manifest: String { joined(path, "m.yaml") }
        var weights: String { joined(path, "model/model.safetensors") }

        init(samples: Int = 100, method: String = "stade") throws {
            scratch = try Scratch()
            let path = scratch.path
            mkdir(joined(path, "model"), 0o750)
            let source = joined(AttendantTests.demo, "models/tiny-opt")
            for name in try FileManager.default.contentsOfDirectory(atPath: source) {
                try writeFile("\(path)/model/\(name)", readFile(joined(source, name)))
            }
            let text = """
                version: 1
                model: \(path)/model
                output: \(path)/out
                prune: {sparsity: \(samples < 100 ? "0.5" : "[0.4, 0.5, 0.6, 0.7]"), method: \
                \(method)}
                calibration:
                  text: \(AttendantTests.demo)/text/calibration.txt
                  samples: \(samples)
                  length: 128
                limits: {threads: 1}

                """
            try writeFile(joined(path, "m.yaml"), Array(text.utf8))
        }

        func run(_ words: [String], setup: String? = nil) throws -> Program {
            unlink(joined(path, "log"))
            return try Program("stadectl", words, output: joined(path, "log"), setup: setup)
        }

        func prune(setup: String? = nil) throws -> Program {
            try run(["prune", manifest], setup: setup)
        }

        var hasOutput: Bool {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
            return names.contains { $0.hasPrefix("out") }
        }
    }

    /// The lines that are not progress.
    private func complaints(_ program: Program) -> [Substring] {
        program.output.split(separator: "\n").filter { $0.hasPrefix("stadectl") }
    }

    private func awaitBlock(_ program: Program) -> Bool {
        eventually(within: 60) { program.output.contains("block 1 of") || program.hasEnded }
    }

    @Test(arguments: [
        (SIGSEGV, 70, "signal 11 (SEGV)"), (SIGABRT, 70, "signal 6 (ABRT)"),
        (SIGILL, 70, "signal 4 (ILL)"), (SIGFPE, 70, "signal 8 (FPE)"),
        (SIGBUS, 74, "a file may have been cut short while it was read"),
        (SIGKILL, 75, "the system may have run out of memory"),
        (SIGXCPU, 75, "ulimit -t"), (SIGQUIT, 75, "signal 3 (QUIT)"),
    ])
    func killedByASignal_saysSoInOneLine(_ signal: CInt, _ status: CInt, _ words: String) throws {
        let place = try Place()
        let program = try place.prune()
        #expect(awaitBlock(program))
        kill(try #require(program.attended), signal)
        #expect(program.wait() == status)
        #expect(complaints(program).count == 1)
        #expect(complaints(program).first?.contains(words) == true, "\(program.output)")
        #expect(!place.hasOutput)
    }

    @Test func attendant_handsSignalsOn_andTakesTheCommandWithIt() throws {
        let place = try Place()
        let stopped = try place.prune()
        #expect(awaitBlock(stopped))
        kill(stopped.identifier, SIGTERM)
        #expect(stopped.wait() == 75)
        #expect(complaints(stopped).count == 1)
        let killed = try place.prune()
        #expect(awaitBlock(killed))
        let child = try #require(killed.attended)
        kill(killed.identifier, SIGKILL)
        #expect(killed.wait() == 128 + SIGKILL)
        #expect(eventually { kill(child, 0) != 0 })
    }

    @Test(arguments: [0, 5000])
    func modelThatIsCutShort_endsTheJobInOneLine(_ size: Int) throws {
        let place = try Place()
        let program = try place.prune()
        #expect(awaitBlock(program))
        #expect(truncate(place.weights, size) == 0)
        let status = program.wait()
        // Mapped pages are missing, or the job has seen the change first.
        #expect([65, 74].contains(status), "\(program.output)")
        #expect(complaints(program).count == 1)
        #expect(!place.hasOutput)
    }

    @Test(arguments: [0, 1, 8, 64, 300])
    func fileSizeLimit_isAnErrorInOneLine(_ blocks: Int) throws {
        let place = try Place(samples: 4)
        let program = try place.prune(setup: "ulimit -f \(blocks)")
        #expect([73, 74].contains(program.wait()))
        #expect(!place.hasOutput)
        // The log is a file as well, and may have no room for it.
        #expect(complaints(program).count <= 1)
        if blocks >= 8 {
            #expect(complaints(program).first?.contains("(ulimit -f)") == true, "\(program.output)")
        }
    }

    /// From too little to start at all to enough.
    @Test(arguments: ["stade", "best"])
    func memoryLimits_areAnErrorInOneLine(method: String) throws {
        let place = try Place(samples: 4, method: method)
        for command in ["prune", "validate"] {
            var works = 0
            for megabytes in [
                20, 40, 60, 80, 100, 120, 140, 160, 180, 200, 230, 260, 300, 350, 400,
                450, 500, 600, 800, 1500,
            ] {
                try removeTree(joined(place.path, "out"))
                let program = try place.run(
                    [command, place.manifest], setup: "ulimit -v \(megabytes * 1024)")
                let status = program.wait()
                // The dynamic linker's own, before there is a program.
                if status == 127, megabytes < 120 { continue }
                #expect(
                    Self.statuses.contains(status), "\(command) \(megabytes): \(program.output)")
                if status == 0 {
                    works += 1
                } else {
                    #expect(
                        complaints(program).count == 1,
                        "\(command) \(megabytes) \(status): \(program.output)")
                }
                #expect((status == 0 && command == "prune") == place.hasOutput)
            }
            #expect(works > 0)
        }
    }

    @Test func closedDescriptors_areNobodysFiles() throws {
        let place = try Place(samples: 4)
        #expect(try place.prune().wait() == 0)
        let expected = try readFile(joined(place.path, "out/model.safetensors"))
        for setup in ["exec 2>&-", "exec 2>&- 0<&-"] {
            try removeTree(joined(place.path, "out"))
            #expect(try place.prune(setup: setup).wait() == 0)
            #expect(try readFile(joined(place.path, "out/model.safetensors")) == expected)
        }
        try removeTree(joined(place.path, "out"))
        let program = try place.prune(setup: "exec >&-")
        #expect(program.wait() == 74)
        #expect(
            complaints(program) == ["stadectl: standard output: cannot write: Bad file descriptor"])
        #expect(try readFile(joined(place.path, "out/model.safetensors")) == expected)
    }

    @Test func brokenPipes_areNoReasonToEnd() throws {
        let place = try Place(samples: 4)
        let pipe = joined(place.path, "pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        // Its reader goes at once.
        let program = try place.prune(setup: "true <\"\(pipe)\" & exec 2>\"\(pipe)\"")
        #expect(program.wait() == 0)
        #expect(place.hasOutput)
    }

    /// Who reads no more of a list ends it quietly, as ever.
    @Test func otherCommands_endByTheirSignals() throws {
        let place = try Place()
        let pipe = joined(place.path, "pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        let program = try place.run(
            ["list", "--help"], setup: "true <\"\(pipe)\" & exec >\"\(pipe)\"; sleep 0.3")
        #expect([0, 128 + SIGPIPE].contains(program.wait()))
        #expect(program.output.isEmpty)
    }
}
