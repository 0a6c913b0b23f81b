import Glibc
import Manifests
import Posix
import Spool
import TestSupport
import Testing

@testable import Daemon

/// What the commands and the queue make of a manifest with `executor: slurm`.
@Suite struct SlurmCommandTests {
    private static func run(_ scratch: Scratch, _ words: [String]) throws -> (CInt, String) {
        let log = scratch["log"]
        unlink(log)
        let program = try Program("stadectl", words, output: log)
        return (program.wait(), program.output)
    }

    private static func manifest(_ scratch: Scratch, _ limits: String = "{}") throws -> String {
        let text = """
            version: 1
            model: \(sourcePath("etc/demo/models/tiny-opt"))
            output: \(scratch.path)/out
            prune: {method: magnitude}
            executor: slurm
            limits: \(limits)

            """
        try writeFile(scratch["m.yaml"], Array(text.utf8))
        return scratch["m.yaml"]
    }

    @Test func prune_isRefused() throws {
        let scratch = try Scratch()
        let (status, output) = try Self.run(scratch, ["prune", try Self.manifest(scratch)])
        #expect(status == ExitCode.configuration.rawValue)
        #expect(output.contains("m.yaml: executor is slurm, and 'stadectl prune' runs it here"))
        #expect(access(scratch["out"], F_OK) != 0)
    }

    @Test func validate_takesItAndSaysWhatANodeIsAskedFor() throws {
        let scratch = try Scratch()
        let file = try Self.manifest(scratch)
        let (status, output) = try Self.run(scratch, ["validate", file])
        #expect(status == 0 && output.contains("correct; on 4 threads it takes "), "\(output)")
        // What the plan needs is more than the configuration has for a job that does not say.
        let roots = "roots: {read: [/], write: [/]}"
        let offered = "version: 1\n\(roots)\nexecutor: {slurm: {threads: 3, memory: 1MiB}}\n"
        try writeFile(scratch["staded.yaml"], Array(offered.utf8))
        let (raised, text) = try Self.run(
            scratch, ["validate", "--config", scratch["staded.yaml"], file])
        #expect(raised == 0 && text.contains("correct; on "), "\(text)")
        let fixed = try Self.manifest(scratch, "{memory: 1MiB}")
        let (short, _) = try Self.run(
            scratch, ["validate", "--config", scratch["staded.yaml"], fixed])
        #expect(short != 0)
        try writeFile(scratch["staded.yaml"], Array("version: 1\n\(roots)\n".utf8))
        let (refused, why) = try Self.run(
            scratch, ["validate", "--config", scratch["staded.yaml"], file])
        #expect(refused == ExitCode.configuration.rawValue)
        #expect(why.contains("executor is slurm, and this daemon offers none"))
    }

    @Test func turns_areEachExecutorsOwn() throws {
        var records = JobQueueTests.records("a1 a2 a3 b1")
        for index in [1, 2, 3] { records[index].executor = .slurm }
        var queue = JobQueue(JobQueueTests.limits(threads: 2), Configuration.Slurm())
        for record in records { queue.add(record) }
        let none = Share(threads: 0, memory: 0)
        func next(_ executor: Executor, _ running: [UInt32: Int]) -> JobQueue.Turn? {
            queue.next(on: executor, free: none, running: running) { _ in .init(time: 60) }
        }
        // The machine is full, and Slurm is not.
        #expect(next(.local, [7: 1]) == nil)
        let share = Share(threads: 4, memory: 8 << 30)
        #expect(next(.slurm, [:]) == .start(records[1], share, time: 60))
        #expect(next(.slurm, [97: 1]) == .start(records[3], share, time: 60))
        #expect(next(.slurm, [97: 8]) == nil)
        queue.slurm?.nodes = 9
        queue.slurm?.memory = 1 << 30
        #expect(
            next(.slurm, [98: 8])
                == .start(records[1], Share(threads: 4, memory: 1 << 30), time: 60))
        records[1].memoryNeeded = 3 << 30
        queue.remove(records[1])
        queue.add(records[1])
        #expect(
            next(.slurm, [98: 8])
                == .start(records[1], Share(threads: 4, memory: 3 << 30), time: 60))
        queue.isDrained = true
        #expect(next(.slurm, [:]) == nil)
    }
}
