import Documents
import Glibc
import Manifests
import Posix
import Synchronization
import Testing

import Pipeline

/// Stops, limits and outputs that are there already: what fails leaves nothing behind.
struct JobControlTests {
    private static let both = Workplace.calibration + Workplace.evaluation
    private static let before = ["model", "tokens.safetensors"]

    @Test func existingOutput_isRefused() throws {
        let place = try Workplace()
        mkdir(place["out"], 0o755)
        try writeFile(place["out/mine"], [1])
        let job = try place.job(Self.both)
        for attempt in [{ _ = try job.validate() }, { _ = try run(job) }] {
            let error = failure { try attempt() }
            #expect(error?.exitCode == .cannotCreate)
            #expect(error?.description.contains("overwrite: true") == true)
        }
        #expect(try place.files("out") == ["mine"])
        #expect(try place.entries() == ["model", "out", "tokens.safetensors"])
    }

    @Test func overwrite_replacesACheckpoint() throws {
        let place = try Workplace()
        try place.run("prune: {sparsity: 0.25}\n" + Workplace.calibration, id: "first")
        let old = try readFile(place["out/model.safetensors"])
        // A report that names the job does not make an output its own.
        for id in ["second", "first"] {
            #expect(throws: (any Error).self) { try place.run(Workplace.calibration, id: id) }
        }
        #expect(try readFile(place["out/model.safetensors"]) == old)
        try place.run("overwrite: true\n" + Workplace.calibration, id: "second")
        #expect(try readFile(place["out/model.safetensors"]) != old)
        #expect(try place.entries() == ["model", "out", "tokens.safetensors"])
        // Not even then is the model itself overwritten.
        let job = try place.job("overwrite: true\n" + Workplace.calibration, output: "model")
        #expect(throws: (any Error).self) { try job.validate() }
    }

    @Test func reportThatIsAPipe_blocksNothing() throws {
        let place = try Workplace()
        mkdir(place["out"], 0o755)
        mkfifo(place["out/stade-report.json"], 0o644)
        let job = try place.job(Self.both)
        #expect(throws: (any Error).self) { try job.validate() }
    }

    /// From the first question to the last.
    @Test(arguments: [0, 1, 5, 20, 45, 70, 100])
    func stop_leavesNothing(_ polls: Int) throws {
        let place = try Workplace()
        let count = Atomic<Int>(0)
        let job = try place.job("prune: {sparsity: [0.3, 0.5]}\nstatistics: true\n" + Self.both)
        #expect(throws: Stopped.self) {
            _ = try job.run(
                progress: { _ in },
                isStopped: { count.add(1, ordering: .relaxed).oldValue >= polls })
        }
        #expect(try place.entries() == Self.before)
        #expect(Stopped().exitCode == .tryAgain)
    }

    @Test func timeLimit_endsTheJob() throws {
        let place = try Workplace()
        let job = try place.job("limits: {time: 1s, threads: 1}\n" + Self.both)
        let start = ContinuousClock.now
        let error = #expect(throws: PlanError.self) {
            _ = try job.run(
                progress: { _ in },
                isStopped: {
                    usleep(100_000)
                    return false
                })
        }
        #expect(error?.reason == .timeLimit(seconds: 1))
        #expect(ContinuousClock.now - start >= .seconds(1))
        #expect(try place.entries() == Self.before)
    }

    @Test func progress_goesForward() throws {
        let place = try Workplace()
        let seen = Mutex([Progress]())
        _ = try place.job("limits: {threads: 1}\n" + Self.both).run(
            progress: { progress in seen.withLock { $0.append(progress) } },
            isStopped: { false })
        let all = seen.withLock { $0 }
        #expect(all.first?.phase == .reading && all.last?.phase == .writing)
        let phases: [Progress.Phase] = [
            .reading, .denseEvaluation, .pruning, .prunedEvaluation, .writing,
        ]
        #expect(Set(all.map(\.phase)) == Set(phases))
        #expect(zip(all, all.dropFirst()).allSatisfy { $0.fraction <= $1.fraction })
        #expect(all.allSatisfy { (0...1).contains($0.fraction) })
        #expect(try #require(all.last).fraction > 0.9)
        #expect(Set(all.compactMap(\.block)) == [0, 1, 2])
    }

    @Test func memory_isCountedBeforehand() throws {
        let place = try Workplace()
        func attempt(_ bytes: Int, _ output: String) throws {
            try place.run(
                "limits: {memory: \(bytes), threads: 2}\nstatistics: true\n" + Self.both,
                output: output)
        }
        let error = #expect(throws: PlanError.self) { try attempt(1 << 20, "out") }
        guard case .memory(let needed, let allowed) = try #require(error).reason else {
            Issue.record("\(error.debugDescription)")
            return
        }
        #expect(allowed == 1 << 20 && error?.exitCode == .configuration)
        #expect(error?.description.contains("\((needed + (1 << 20) - 1) >> 20)MiB") == true)
        #expect(throws: PlanError.self) { try attempt(needed - 1, "out") }
        #expect(try place.entries() == Self.before)
        // That much is enough for one thread and the states in a file: the same bytes come out.
        let mapped = Mutex(false)
        let partial = "\(place.path)/.stade-job.partial/.stade-scratch"
        _ = try place.job(
            "limits: {memory: \(needed), threads: 2}\nstatistics: true\n" + Self.both,
            output: "tight"
        ).run(
            progress: { _ in
                guard let maps = try? readFile("/proc/self/maps") else { return }
                let isMapped = String(decoding: maps, as: UTF8.self).contains(partial)
                mapped.withLock { $0 = $0 || isMapped }
            }, isStopped: { false })
        #expect(mapped.withLock { $0 })
        try place.run("limits: {threads: 2}\nstatistics: true\n" + Self.both)
        #expect(try place.report("tight")["resources"]?["threads"]?.integer == 1)
        for file in ["model.safetensors", "stade-statistics.safetensors"] {
            #expect(
                try readFile(place["tight/\(file)"]) == readFile(place["out/\(file)"]))
        }
        #expect(try place.report("tight")["layers"] == place.report()["layers"])
        #expect(try place.report("tight")["perplexity"] == place.report()["perplexity"])
        #expect(try !place.files("tight").contains { $0.contains("scratch") })
        #expect(try place.entries() == ["model", "out", "tight", "tokens.safetensors"])
    }

    @Test func ceilings_areNotExceeded() throws {
        let place = try Workplace()
        var ceiling = Configuration().limits
        ceiling.threads = 2
        ceiling.memory = 1 << 30
        for (limits, text) in [
            ("{threads: 3}", "limits.threads is 3; the configuration allows 2"),
            ("{memory: 2GiB}", "limits.memory is 2.0 GiB; the configuration allows 1.0 GiB"),
        ] {
            let job = try place.job("limits: \(limits)\n" + Self.both, ceiling: ceiling)
            let error = #expect(throws: PlanError.self) { try job.validate() }
            #expect(error?.description.contains(text) == true)
            #expect(error?.exitCode == .configuration)
        }
        try place.job("limits: {threads: 2}\n" + Self.both, ceiling: ceiling).validate()
    }

    @Test func missingParent_isSaid() throws {
        let place = try Workplace()
        let job = try place.job(Self.both, output: "none/out")
        let error = failure { try job.validate() }
        #expect(error?.exitCode == .cannotCreate)
    }

    private func run(_ job: Job) throws {
        _ = try job.run(progress: { _ in }, isStopped: { false })
    }
}
