import Glibc
import Posix
import Synchronization
import Testing

import Pipeline

/// Inputs that somebody writes over while a job reads them.
struct JobInputsTests {
    enum Change: CaseIterable, Sendable {
        case weightsInPlace, weightsReplaced, config, companion, tokens, removed
    }

    enum Moment: CaseIterable, Sendable { case betweenBlocks, atTheEnd }

    @Test(arguments: Change.allCases, Moment.allCases)
    func changedInput_failsTheJob(_ change: Change, _ moment: Moment) throws {
        let place = try Workplace()
        try writeFile(place["model/generation_config.json"], Array("{}".utf8))
        let isDone = Mutex(false)
        let job = try place.job("limits: {threads: 1}\n" + Workplace.calibration)
        let error = failure {
            _ = try job.run(
                progress: { progress in
                    let isTime =
                        moment == .betweenBlocks ? progress.block == 0 : progress.phase == .writing
                    guard isTime,
                        isDone.withLock({ old in
                            defer { old = true }
                            return !old
                        })
                    else { return }
                    usleep(20_000)
                    try? Self.make(change, place)
                }, isStopped: { false })
        }
        #expect(isDone.withLock { $0 })
        #expect(error?.exitCode == .data)
        #expect(error?.description.contains("changed while it was read") == true)
        let left = try place.entries()
        #expect(!left.contains("out") && !left.contains { $0.hasPrefix(".stade") })
    }

    private static func make(_ change: Change, _ place: Workplace) throws {
        switch change {
        case .weightsInPlace:
            let file = try File(place["model/model.safetensors"], O_RDWR)
            var bytes = [UInt8](repeating: 0, count: 64)
            _ = try file.read(into: &bytes, at: 5000)
            try file.write(bytes, at: 5000)
        case .weightsReplaced:
            let bytes = try readFile(place["model/model.safetensors"])
            try writeFile(place["new"], bytes)
            rename(place["new"], place["model/model.safetensors"])
        case .config:
            try writeFile(
                place["model/config.json"], readFile(place["model/config.json"]) + [10])
        case .companion:
            try writeFile(place["model/generation_config.json"], Array("{ }".utf8))
        case .tokens:
            try writeFile(place["tokens.safetensors"], readFile(place["tokens.safetensors"]))
        case .removed: unlink(place["model/generation_config.json"])
        }
    }
}
