import Glibc
import Posix
import Spool
import TestSupport

/// A spool and a place for outputs below one directory, `box`, and a daemon that is run on them as
/// a process, with one short job.
final class FaultBox: @unchecked Sendable {
    // Unchecked: used by one thread at a time.

    /// Holds `box`, the inputs, and what belongs to the test.
    private let scratch: Scratch
    var path: String { scratch.path }
    let spool: Spool
    private let configurationFile: String
    private var logs = 0

    static let outputName = "half"
    static let manifest = """
        version: 1
        name: short
        model: model
        output: \(outputName)
        prune: {method: stade, compensation: affine}
        calibration: {tokens: tokens.safetensors}
        limits: {threads: 1}

        """

    /// - Parameter more: lines of the configuration.
    init(level: String = "info", _ more: String = "") throws {
        scratch = try Scratch()
        let path = scratch.path
        let box = joined(path, "box")
        spool = Spool(path: joined(box, "spool"), inbox: joined(box, "spool/inbox"))
        for name in ["box", "box/spool", "box/spool/inbox", "box/out", "in", "in/model"] {
            guard mkdir(joined(path, name), 0o755) == 0 else { throw SystemError("mkdir", name) }
        }
        let fixture = fixturePath("llama")
        for (name, target) in [
            ("config.json", "model/config.json"), ("tokens.safetensors", "tokens.safetensors"),
            ("model.safetensors", "model/model.safetensors"),
        ] {
            try writeFile(
                joined(path, "in/\(target)"), readFile(joined(fixture, name)), mode: 0o644)
        }
        configurationFile = joined(path, "staded.yaml")
        let text = """
            version: 1
            spool: \(spool.path)
            roots: {read: [\(path)/in], write: [\(box)/out]}
            log: \(level)
            \(more)

            """
        try writeFile(configurationFile, Array(text.utf8))
    }

    var root: String { joined(path, "box") }
    var output: String { joined(path, "box/out/\(Self.outputName)") }

    func start(_ environment: [String] = [], output: String? = nil) throws -> Program {
        logs += 1
        return try Program(
            "staded", ["--config", configurationFile],
            output: output ?? joined(path, "log-\(logs)"), environment: environment)
    }

    /// Waits until the daemon works, or has gone.
    func awaitStart(_ daemon: Program) -> Bool {
        eventually { daemon.ended != nil || daemon.output.contains(" works on ") }
    }

    /// Renames the manifest into the inbox.
    func drop(_ name: String = "short.yaml", _ text: String = manifest) throws {
        let draft = joined(spool.inbox, ".draft")
        try writeFile(draft, Array(text.utf8), mode: 0o644)
        guard rename(draft, joined(spool.inbox, name)) == 0 else {
            throw SystemError("rename", draft)
        }
    }

    func ask(_ verb: Request.Verb, _ id: String) throws {
        try writeFile(joined(spool.inbox, Request.fileName(verb, id)), [])
    }

    func jobs(_ state: JobState) -> [JobRecord] {
        ((try? spool.identifiers(state)) ?? []).compactMap { try? spool.record($0, state) }
    }

    /// Whether nothing is left to do: no manifest in the inbox, no job under way.
    var isSettled: Bool {
        guard (try? dropped) == [] else { return false }
        return [.queued, .active].allSatisfy { (try? spool.identifiers($0))?.isEmpty == true }
            && [.done, .failed, .deferred].contains {
                (try? spool.identifiers($0))?.isEmpty == false
            }
    }

    /// Runs an undisturbed daemon until nothing is left to do. A job that was put off or has failed
    /// is asked for again once.
    func finish() throws {
        let daemon = try start()
        let isSettled =
            awaitStart(daemon)
            && eventually(within: 30) { self.isSettled || daemon.ended != nil }
        for job in jobs(.deferred) + jobs(.failed) where isSettled { try ask(.retry, job.id) }
        _ = eventually(within: 30) { jobs(.done).count > 0 || daemon.ended != nil }
        kill(daemon.identifier, SIGTERM)
        let code = daemon.wait()
        if code != 0 || !isSettled {
            throw FaultError("the daemon ended with \(code), settled: \(isSettled)", daemon.output)
        }
    }

    /// What is wrong with the outcome, where exactly one result like `reference` is right.
    func objections(_ reference: [String: [UInt8]]) -> [String] {
        var result: [String] = []
        for state in JobState.allCases {
            let count = (try? spool.identifiers(state).count) ?? -1
            let expected = state == .done ? 1 : 0
            if count != expected { result.append("\(count) jobs are \(state.rawValue)") }
        }
        for (directory, expected) in [
            (joined(spool.inbox, ".claims"), []), (spool.temporary, []),
            (joined(root, "out"), [Self.outputName]),
        ] {
            let found = (try? names(directory)) ?? ["?"]
            if found != expected { result.append("\(directory) has \(found)") }
        }
        let left = (try? dropped) ?? ["?"]
        if !left.isEmpty { result.append("the inbox has \(left)") }
        let files = contents()
        if Set(files.keys) != Set(reference.keys) { result.append("files: \(files.keys.sorted())") }
        for (name, bytes) in reference where files[name] != nil && files[name] != bytes {
            result.append("\(name) differs")
        }
        return result
    }

    /// The output's files, but those that tell times and the job's id.
    func contents() -> [String: [UInt8]] {
        let own = ["stade-report.json", "stade-report.html", "README.md"]
        var result: [String: [UInt8]] = [:]
        for name in (try? names(output)) ?? [] {
            result[name] = own.contains(name) ? [] : (try? readFile(joined(output, name))) ?? []
        }
        return result
    }

    /// What is in the inbox but for the directory of claims.
    private var dropped: [String] {
        get throws { try names(spool.inbox).filter { $0 != ".claims" } }
    }

    func names(_ directory: String) throws -> [String] {
        try DirectoryEntry.list(File(directory, O_RDONLY | O_DIRECTORY)).compactMap(\.name)
    }

    /// What an undisturbed run leaves.
    static let reference: Result<[String: [UInt8]], any Error> = Result {
        let box = try FaultBox()
        let daemon = try box.start()
        guard box.awaitStart(daemon) else { throw FaultError("no start", daemon.output) }
        try box.drop()
        guard eventually(within: 60, { box.jobs(.done).count == 1 }) else {
            throw FaultError("no result", daemon.output)
        }
        kill(daemon.identifier, SIGTERM)
        _ = daemon.wait()
        return box.contents()
    }
}

struct FaultError: Error, CustomStringConvertible {
    let description: String

    init(_ what: String, _ log: String) { description = "\(what)\n\(log)" }
}

/// Whether every point is to be tried (`make soak`) instead of a sample.
let isSoak = getenv("STADE_SOAK") != nil

/// Numbers from 1 to `total`: all of them, or `sample` spread evenly, others in each part of a run
/// that is seeded with another `seed`.
func points(_ total: Int, sample: Int, seed: Int) -> [Int] {
    guard !isSoak, total > sample else { return Array(1...max(1, total)) }
    return (0..<sample).map { 1 + ($0 * total + seed * 7919 % total) / sample % total }
}

/// Runs `body` for each element, so many at a time: most of what it does is to wait.
func inParallel<Element: Sendable>(
    _ elements: [Element], width: Int = 4, _ body: @escaping @Sendable (Element) -> [String]
) -> [String] {
    let work = ParallelWork(elements, body)
    var threads: [pthread_t] = []
    for _ in 0..<min(width, elements.count) {
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                if let argument {
                    Unmanaged<AnyParallelWork>.fromOpaque(argument).takeRetainedValue().run()
                }
                return nil
            }, Unmanaged<AnyParallelWork>.passRetained(work).toOpaque())
        if code == 0 { threads.append(thread) }
    }
    for thread in threads { pthread_join(thread, nil) }
    return work.results
}
