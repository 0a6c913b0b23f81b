import Documents
import Glibc
import Manifests
import Pipeline
import Posix
import Reports
import Spool

extension Subcommand {
    static let prune = Subcommand(
        name: "prune", summary: "prune a checkpoint here and now, without the daemon",
        operand: "MANIFEST",
        details: """
            Does what the manifest says and waits for the end; '-' reads it from standard input.
            Relative paths start at the current directory. With --config they start at the roots
            of that configuration, and its roots and limits hold. Ctrl-C stops and cleans up; with
            --resume it leaves a snapshot beside the output, and the same command goes on from it.
            """,
        options: [
            Option(name: "--config", value: "FILE", help: "keep to a daemon's roots and limits"),
            Option(name: "--resume", value: nil, help: "keep a snapshot, go on from one"),
            .json,
        ]
    ) { arguments, program in
        // A reader that has gone is no reason to end, least of all without cleaning up.
        signal(SIGPIPE, SIG_IGN)
        let source = try ManifestSource(arguments.operand("the manifest", program))
        let stop = try StopSignal([SIGINT, SIGTERM, SIGHUP])
        if source.manifest.executor == .slurm {
            throw RefusedManifest(
                file: source.file,
                reason: "executor is slurm, and 'stadectl prune' runs it here and now; submit it "
                    + "('stadectl submit'), or leave the key out")
        }
        var job = try foregroundJob(source, arguments)
        let display = ProgressDisplay()
        job.warn = { display.say($0) }
        var snapshot: ForegroundSnapshot?
        if arguments.flags.contains("--resume") {
            let interval = try arguments.values["--config"].map {
                try Configuration.load($0).snapshot.interval
            }
            snapshot = try ForegroundSnapshot(
                job, interval: interval ?? Configuration().snapshot.interval)
            job = snapshot?.job { display.say($0) } ?? job
            job.warn = { display.say($0) }
        }
        job.warned = { display.say($0) }
        defer { snapshot?.removeIfUnused() }
        let paths: [String]
        do {
            paths = try job.run(
                progress: { display.show($0) }, isStopped: { stop.isRaised })
        } catch {
            display.clear()
            throw error
        }
        display.clear()
        let outputs = paths.map { Output(at: $0) }
        if arguments.flags.contains("--json") {
            return Terminal.show(
                .object(["id": Node(job.id), "outputs": Node(outputs.map(\.node))]))
        }
        return Terminal.show(outputs.map(\.summary))
    }

    static let validate = Subcommand(
        name: "validate", summary: "check a manifest and all that it names",
        operand: "MANIFEST",
        details: """
            Checks the manifest, the model, the texts, the disk space and the memory without
            computing anything, and says what the job will take; '-' reads the manifest from
            standard input. Paths are found as 'stadectl prune' finds them.
            """,
        options: [
            Option(name: "--config", value: "FILE", help: "keep to a daemon's roots and limits"),
            .json,
        ]
    ) { arguments, program in
        let source = try ManifestSource(arguments.operand("the manifest", program))
        let display = ProgressDisplay()
        let demand = try validated(source, arguments) { display.say($0) }
        if arguments.flags.contains("--json") {
            return Terminal.show(
                .object([
                    "valid": true, "name": Node(source.manifest.name),
                    "threads": Node(demand.threads), "memory_bytes": Node(demand.memory),
                    "disk_bytes": Node(demand.disk), "scratch_bytes": Node(demand.scratch),
                ]))
        }
        let scratch =
            demand.scratch > 0 ? ", \(size(demand.scratch)) of it for hidden states" : ""
        let threads = demand.threads == 1 ? "1 thread" : "\(demand.threads) threads"
        return Terminal.show(
            "\(source.file): correct; on \(threads) it takes \(size(demand.memory)) of memory and "
                + "\(size(demand.disk)) of disk\(scratch)")
    }

    /// - Parameter warn: told what a person should know.
    private static func validated(
        _ source: ManifestSource, _ arguments: Arguments,
        warn: @escaping @Sendable (String) -> Void
    ) throws -> Demand {
        var job = try foregroundJob(source, arguments)
        job.warned = warn
        do {
            return try job.validate()
        } catch let error as PlanError {
            // A node is asked for what the plan needs, where the manifest leaves that open.
            guard source.manifest.executor == .slurm, source.manifest.limits.memory == nil,
                let memory = error.memoryNeeded
            else { throw error }
            job = try foregroundJob(source, arguments, memory: memory)
            job.warned = warn
            return try job.validate()
        }
    }

    /// - Parameter memory: what a node is asked for, in bytes; nil: what the configuration says.
    private static func foregroundJob(
        _ source: ManifestSource, _ arguments: Arguments, memory: Int? = nil
    ) throws -> Job {
        var manifest = source.manifest
        var identifiers = JobIdentifier()
        var roots = Roots(.unrestricted(base: workingDirectory))
        var limits = Configuration().limits
        var slurm = Configuration.Slurm()
        var refusal = limits.refusal(of: manifest, from: getuid())
        if let file = arguments.values["--config"] {
            let configuration = try Configuration.load(file)
            roots = Roots(
                .below(read: configuration.roots.read, write: configuration.roots.write))
            limits = configuration.limits
            slurm = configuration.slurm ?? slurm
            refusal = configuration.refusal(of: manifest, from: getuid())
        }
        if let refusal { throw RefusedManifest(file: source.file, reason: refusal) }
        manifest.limits.time = limits.timeLimit(of: manifest)
        if manifest.executor == .slurm {
            // Not this machine's.
            limits = Configuration().limits
            manifest.limits.threads = manifest.limits.threads ?? slurm.threads
            manifest.limits.memory = manifest.limits.memory ?? memory ?? slurm.memory
        }
        var job = Job(
            id: identifiers.next(), manifest: manifest, paths: roots, ceiling: limits)
        try MemoryProbe.check(job)
        job.planned = { memory, threads in
            do throws(MemoryProbe) {
                try MemoryProbe.check(memory: memory, threads: threads)
            } catch {
                // Nothing is there yet but an empty snapshot, which the next run takes.
                Terminal.complain("stadectl", error.description)
                _exit(error.exitCode.rawValue)
            }
        }
        return job
    }
}

/// A manifest that asks for more than a configuration allows.
struct RefusedManifest: Failure {
    let file: String
    let reason: String

    var exitCode: ExitCode { .configuration }

    var description: String { "\(escaped(file)): \(reason)" }
}
