import Documents
import Foundation
import Glibc
import Posix
import Synchronization
import Tensors
import Testing

import Pipeline

/// Jobs that end early and go on: the same bits come out as of one that was left alone.
struct JobResumeTests {
    private static let both = Workplace.calibration + Workplace.evaluation
    private static let withQuestions =
        Workplace.calibration
        + "evaluation: {tokens: tokens.safetensors, length: 64, choices: q.jsonl}\n"
    private static let manifests = [
        "statistics: true\n" + both,
        "prune: {sparsity: [0.3, 0.6], method: stade}\nstatistics: true\n" + withQuestions,
        "prune: {sparsity: [0.3, 0.6], sequential: false}\nstatistics: true\n" + withQuestions,
        "prune: {sequential: false, method: wanda}\n" + Workplace.calibration,
        "prune: {method: [stade, sparsegpt, magnitude], sequential: false}\nstatistics: true\n"
            + both,
        "prune: {allocation: error, sparsity: [0.4, 0.6], method: stade}\nstatistics: true\n"
            + both,
        "prune: {allocation: owl, method: [wanda, stade], sequential: false}\n" + both,
        "prune: {method: magnitude, compensation: none}\n" + Workplace.evaluation,
        "prune: {targets: [layers.1]}\n" + both,
        "prune: {method: [auto, best], sequential: stages}\nstatistics: true\n" + withQuestions,
        "prune: {method: [sparsegpt, best], sequential: stages, target: dense}\n" + both,
        "prune: {pattern: channels, heads: true, sparsity: [0.3, 0.5]}\nstatistics: true\n" + both,
        "prune: {pattern: blocks, method: [best, cosine], sparsity: [0.3, 0.6]}\n" + both,
        "prune: {pattern: blocks, blocks: [1]}\n" + both,
        "prune: {method: [wanda, best], tune: {passes: 2}}\nstatistics: true\n" + both,
        "prune: {sequential: stages, tune: {passes: 2}}\n" + both,
    ]

    /// What a job said of its snapshot.
    private final class Notes: Sendable {
        private let notes = Mutex<[Resumption.Note]>([])
        func add(_ note: Resumption.Note) { notes.withLock { $0.append(note) } }
        var all: [Resumption.Note] { notes.withLock { $0 } }

        var refusals: [String] {
            all.compactMap { if case .refused(let reason) = $0 { reason } else { nil } }
        }
        var resumptions: [Int] {
            all.compactMap { if case .resumed(let block, _) = $0 { block } else { nil } }
        }
    }

    private func place() throws -> Workplace {
        let place = try Workplace()
        try place.store(
            questions: #"""
                {"question": "a b c", "choices": ["c", "a a a b"], "answer": 1}
                {"question": "c a b a b c a a b b c a", "choices": ["b a", "c b", "a"], "answer": 2}
                """#)
        return place
    }

    /// Runs until `stop` says so, and keeps a snapshot after every block.
    @discardableResult
    private func attempt(
        _ place: Workplace, _ manifest: String, version: String = "1",
        stop: @escaping @Sendable (_ polls: Int, _ kept: Int) -> Bool
    ) throws -> (isDone: Bool, notes: Notes) {
        let notes = Notes()
        mkdir(place["snapshot"], 0o750)
        let limits = manifest.contains("limits:") ? "" : "limits: {threads: 2}\n"
        var job = try place.job(limits + manifest)
        job.keeper = .snapshot("snapshot")
        job.resumption = Resumption(
            directory: place["snapshot"], version: version, attempt: "a", interval: 0,
            notify: { notes.add($0) })
        let polls = Atomic<Int>(0)
        do {
            _ = try job.run(
                progress: { _ in },
                isStopped: {
                    let kept = notes.all.count {
                        if case .kept = $0 { true } else { false }
                    }
                    return stop(polls.add(1, ordering: .relaxed).oldValue, kept)
                })
            return (true, notes)
        } catch is Stopped { return (false, notes) }
    }

    /// What the job makes when nobody disturbs it, moved to `ref...`.
    private func reference(_ place: Workplace, _ manifest: String) throws {
        try place.run("limits: {threads: 1}\n" + manifest)
        for name in try place.entries() where name.hasPrefix("out") {
            #expect(rename(place[name], place["ref" + name.dropFirst(3)]) == 0)
        }
    }

    private func expectSame(
        _ place: Workplace, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let outputs = try place.entries().filter { $0.hasPrefix("out") }
        #expect(!outputs.isEmpty)
        for output in outputs {
            let reference = "ref" + output.dropFirst(3)
            #expect(try place.files(output) == place.files(reference))
            for file in try place.files(output) where !file.hasPrefix("stade-report.") {
                let same =
                    try untimed(place["\(output)/\(file)"])
                    == untimed(place["\(reference)/\(file)"])
                #expect(same, "\(output)/\(file)", sourceLocation: sourceLocation)
            }
            #expect(
                try text(timeless(place.report(output))) == text(timeless(place.report(reference))),
                sourceLocation: sourceLocation)
        }
        let left = try place.entries().filter { $0.hasPrefix(".") }
        #expect(left == [], sourceLocation: sourceLocation)
        #expect(try place.files("snapshot") == ["outputs.json"], sourceLocation: sourceLocation)
    }

    /// A file without what a model card says of speed.
    private func untimed(_ path: String) throws -> [UInt8] {
        let bytes = try readFile(path)
        guard path.hasSuffix("README.md") else { return bytes }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        return Array(lines.filter { !$0.hasPrefix("| speed |") }.joined(separator: "\n").utf8)
    }

    /// A report without times, memory and threads.
    private func timeless(_ report: Node) -> Node {
        let blocks = (report["blocks"]?.array ?? []).map { $0.removing("seconds") }
        let flops = report["resources"]?["model_flops"] ?? .null
        return report.setting("blocks", to: Node(blocks)).setting("resources", to: flops)
            .removing("speed")
    }

    @Test(arguments: manifests)
    func stoppedAfterEachBlock_goesOnWithTheSameBits(_ manifest: String) throws {
        try goesOn(self.place(), manifest)
    }

    @Test(
        arguments: ["gpt_oss", "olmoe"],
        [
            "prune: {pattern: experts, method: [best, reap], sparsity: 0.25}\n",
            "prune: {pattern: experts, sparsity: [0.25, 0.5], tune: {passes: 2}}\n",
        ])
    func stoppedRemoval_goesOnWithTheSameBits(_ family: String, _ manifest: String) throws {
        try goesOn(
            MixtureTests.place(family),
            manifest + Workplace.calibration + MixtureTests.evaluation)
    }

    @Test(
        arguments: ["gpt_oss", "deepseek_v3"],
        [
            "prune: {pattern: channels, sparsity: 0.25}\nstatistics: true\n",
            "prune: {allocation: error, sparsity: [0.4, 0.6], method: stade}\n",
            "prune: {allocation: owl, method: [wanda, stade], sequential: false}\n",
        ])
    func stoppedMixture_goesOnWithTheSameBits(_ family: String, _ manifest: String) throws {
        try goesOn(
            MixtureTests.place(family),
            manifest + Workplace.calibration + MixtureTests.evaluation)
    }

    /// Stopped after each block.
    private func goesOn(_ place: Workplace, _ manifest: String) throws {
        try reference(place, manifest)
        var resumed: [Int] = []
        for _ in 0..<20 {
            let (isDone, notes) = try attempt(place, manifest) { _, kept in kept >= 1 }
            #expect(notes.refusals == [])
            resumed += notes.resumptions
            if isDone { break }
            // While it waits, everything is there and nothing else.
            let files = try place.files("snapshot")
            #expect(files.contains("progress.json"))
        }
        // The next block may be done before the stop is seen.
        #expect(!resumed.isEmpty)
        try expectSame(place)
    }

    @Test(arguments: [1, 7, 13, 20, 33, 47, 61, 80, 101, 130, 170])
    func stoppedAnywhere_goesOnWithTheSameBits(_ polls: Int) throws {
        for manifest in [
            Self.manifests[1], Self.manifests[2], Self.manifests[5], Self.manifests[12],
        ] {
            let place = try self.place()
            try reference(place, manifest)
            // The next one gets a little further, so that all of them come to an end.
            for round in 0..<1000 {
                let (isDone, notes) = try attempt(place, manifest) { count, _ in
                    count >= polls * (round + 1)
                }
                #expect(notes.refusals == [])
                if isDone { break }
            }
            try expectSame(place)
        }
    }

    /// Killed while it published: the first output is in place, of the second what `left` says.
    @Test(arguments: [".stade-job.partial/2", "out-0.6", nil])
    func publishedInPart_publishesTheRest(_ left: String?) throws {
        let place = try self.place()
        let manifest = Self.manifests[1]
        try reference(place, manifest)
        try attempt(place, manifest) { _, kept in kept >= 1 }
        let kept = try place.json("snapshot/progress.json")
        #expect(try attempt(place, manifest) { _, _ in false }.isDone)

        func identity(_ name: String) -> Node {
            var status = stat()
            #expect(stat(place[name], &status) == 0)
            return .object(["device": Node(Int(status.st_dev)), "inode": Node(Int(status.st_ino))])
        }
        let partial = ".stade-job.partial"
        mkdir(place[partial], 0o700)
        try writeFile(place["\(partial)/.stade-job"], Array("1\njob\n0\nsnapshot\n".utf8))
        let state = try #require(kept["outputs"]?.array?.first)
        let states = ["out-0.3", "out-0.6"].map { state.setting("directory", to: identity($0)) }
        let saved = identity(partial).setting("name", to: Node(partial))
        try writeFile(
            place["snapshot/progress.json"],
            JSON.encode(
                kept.setting("outputs", to: Node(states)).setting("place", to: saved)
                    .setting("finished", to: true)))
        // An old output is there after an exchange.
        mkdir(place["\(partial)/1"], 0o750)
        if let left {
            #expect(rename(place["out-0.6"], place[left]) == 0)
        } else {
            try removeTree(place["out-0.6"])
        }
        let (isDone, notes) = try attempt(place, manifest) { _, _ in false }
        #expect(isDone && notes.refusals.count == (left == nil ? 1 : 0), "\(notes.all)")
        #expect(left == nil || !notes.all.contains { if case .kept = $0 { true } else { false } })
        try expectSame(place)
    }

    /// What happens between two attempts.
    enum Change: CaseIterable {
        case version, modelTouched, manifest, tokens, statesDamaged, statesCutShort, statesGone
        case recordDamaged, recordCutShort, recordOfOldVersion, outputGone, outputCutShort
        case outputReplaced, placeSwapped, companionTouched
    }

    @Test(arguments: Change.allCases)
    func snapshotOfSomethingElse_isRefused(_ change: Change) throws {
        let place = try Workplace()
        var manifest = "statistics: true\n" + Self.both
        let first = try attempt(place, manifest) { _, kept in kept >= 2 }
        #expect(!first.isDone)
        let partial = ".stade-job.partial"
        var version = "1"
        switch change {
        case .version: version = "2"
        case .modelTouched:
            let bytes = try readFile(place["model/model.safetensors"])
            #expect(unlink(place["model/model.safetensors"]) == 0)
            try writeFile(place["model/model.safetensors"], bytes)
        case .manifest: manifest = "prune: {sparsity: 0.25}\n" + manifest
        case .tokens: manifest = manifest.replacingOccurrences(of: "length: 64", with: "length: 32")
        case .statesDamaged: try patch(place["snapshot/\(current(place))"], at: 1000)
        case .statesCutShort:
            let file = try place["snapshot/\(current(place))"]
            #expect(truncate(file, 999) == 0)
        case .statesGone:
            let file = try place["snapshot/\(current(place))"]
            #expect(unlink(file) == 0)
        case .recordDamaged:
            try writeFile(place["snapshot/progress.json"], Array("{\"version\": 1}".utf8))
        case .recordCutShort:
            #expect(truncate(place["snapshot/progress.json"], 200) == 0)
        case .recordOfOldVersion:
            let record = try place.json("snapshot/progress.json").setting("version", to: 3)
            try writeFile(place["snapshot/progress.json"], JSON.encode(record))
        case .placeSwapped:
            #expect(rename(place[partial], place["moved"]) == 0)
            mkdir(place[partial], 0o777)
        case .companionTouched:
            try writeFile(place["model/generation_config.json"], Array("{}".utf8))
        case .outputGone: try removeTree(place[partial])
        case .outputCutShort:
            #expect(truncate(place["\(partial)/1/model.safetensors"], 5000) == 0)
        case .outputReplaced:
            #expect(unlink(place["\(partial)/1/model.safetensors"]) == 0)
            mkfifo(place["\(partial)/1/model.safetensors"], 0o640)
        }
        let (isDone, notes) = try attempt(place, manifest, version: version) { _, _ in false }
        #expect(isDone && notes.refusals.count == 1, "\(notes.all)")
        #expect(
            notes.resumptions.isEmpty || change == .statesDamaged || change == .statesCutShort
                || change == .statesGone)
        if change == .placeSwapped {
            // Of somebody else by now: not touched.
            #expect(rmdir(place[partial]) == 0)
            try removeTree(place["moved"])
        }
        #expect(rename(place["out"], place["mine"]) == 0)
        try reference(place, manifest)
        #expect(rename(place["mine"], place["out"]) == 0)
        try expectSame(place)
    }

    /// What a manifest says decides, but for what cannot change a bit.
    @Test(
        arguments: [
            ("", "prune: {bias: native}", "prune.bias"),
            ("prune: {targets: [mlp]}", "prune: {targets: [down_proj]}", "prune.targets"),
            ("", "compute: {precision: float32}", "compute.precision"),
            ("name: a\npriority: 1", "name: b\npriority: 2\noverwrite: true", nil),
            ("limits: {time: 1h}", "limits: {time: 2h, threads: 1, memory: 4GiB}", nil),
        ])
    func manifest_decidesWithAllItsKeys(
        _ before: String, _ after: String, _ changed: String?
    ) throws {
        let place = try Workplace()
        func job(_ manifest: String) -> String { manifest + "\n" + Self.both }
        #expect(try !attempt(place, job(before)) { _, kept in kept >= 1 }.isDone)
        let (isDone, notes) = try attempt(place, job(after)) { _, _ in false }
        #expect(isDone)
        guard let changed else {
            #expect(notes.refusals.isEmpty && notes.resumptions.count == 1, "\(notes.all)")
            return
        }
        #expect(notes.resumptions.isEmpty && notes.refusals.count == 1, "\(notes.all)")
        #expect(notes.refusals[0].contains("the manifest as it is now: \(changed) has changed"))
    }

    /// The file of states that `progress.json` names.
    private func current(_ place: Workplace) throws -> String {
        let slot = try #require(place.json("snapshot/progress.json")["slot"]?.integer)
        return "states-\(slot)"
    }

    private func patch(_ path: String, at offset: Int) throws {
        let file = try File(path, O_WRONLY)
        try file.write([UInt8](repeating: 0xa5, count: 8), at: offset)
    }

    @Test func failureOfTheJobItself_leavesNothing() throws {
        let place = try Workplace()
        var tensors = try place.tensors()
        let index = try #require(tensors.firstIndex { $0.name.contains("layers.2.mlp.up") })
        tensors[index].bytes.replaceSubrange(0..<4, with: [0, 0, 0xc0, 0x7f])
        try place.store(tensors)
        let error = failure { try attempt(place, Self.both) { _, _ in false } }
        #expect(error?.exitCode == .data)
        #expect(try place.files("snapshot") == [])
        #expect(try place.entries() == ["model", "snapshot", "tokens.safetensors"])
    }

    @Test func snapshotThatCannotBeWritten_doesNotStopTheJob() throws {
        let place = try Workplace()
        try reference(place, Self.both)
        // A directory where the second file of states would be.
        mkdir(place["snapshot"], 0o750)
        let notes = Notes()
        var job = try place.job(Self.both)
        let blocked = place["snapshot/states-0"]
        job.resumption = Resumption(
            directory: place["snapshot"], version: "1", attempt: "a", interval: 0,
            notify: { note in
                notes.add(note)
                if case .kept = note { mkdir(blocked, 0o750) }
            })
        _ = try job.run(progress: { _ in }, isStopped: { false })
        #expect(notes.all.contains { if case .failed = $0 { true } else { false } })
        try expectSame(place)
    }

    @Test func secondJobOnTheSameSnapshot_isRefused() throws {
        let place = try Workplace()
        mkdir(place["snapshot"], 0o750)
        let holder = try File(place["snapshot"], O_RDONLY | O_DIRECTORY)
        #expect(flock(holder.descriptor, LOCK_EX) == 0)
        let error = failure { try attempt(place, Self.both) { _, _ in false } }
        #expect(error?.exitCode == .tryAgain)
        #expect(try place.entries() == ["model", "snapshot", "tokens.safetensors"])
    }

    @Test func short_jobs_writeNone() throws {
        let place = try Workplace()
        mkdir(place["snapshot"], 0o750)
        let notes = Notes()
        var job = try place.job(Self.both)
        job.resumption = Resumption(
            directory: place["snapshot"], version: "1", attempt: "a", interval: 5,
            notify: { notes.add($0) })
        _ = try job.run(progress: { _ in }, isStopped: { false })
        #expect(notes.all == [])
    }

    @Test func checksum_seesEveryBit() {
        var bytes = (0..<100).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        func text() -> String {
            var checksum = Checksum()
            checksum.add(bytes.span.bytes)
            return checksum.text
        }
        var seen = [text()]
        for index in bytes.indices {
            bytes[index] ^= 1
            seen.append(text())
            bytes[index] ^= 1
        }
        bytes.append(0)
        seen.append(text())
        #expect(Set(seen).count == 102)
        var parts = Checksum()
        parts.add(bytes.span.bytes.extracting(0..<64))
        parts.add(bytes.span.bytes.extracting(64..<bytes.count))
        #expect(parts.text == seen.last)
    }
}
