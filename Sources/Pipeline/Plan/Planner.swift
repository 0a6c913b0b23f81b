import Checkpoint
import Documents
import Glibc
import Manifests
import Posix
import Pruning
import Tensors
import Transformer

/// Reads model, texts and disk for a job and makes its plan, and leaves nothing behind.
struct Planner {
    let job: Job
    /// Called while texts are read; what it throws ends that.
    private let checkStop: @Sendable () throws -> Void

    init(_ job: Job, checkStop: @escaping @Sendable () throws -> Void = {}) {
        self.job = job
        self.checkStop = checkStop
    }

    /// Checks model, texts, paths, disk space and memory.
    func plan() throws -> Plan {
        let manifest = job.manifest
        let directory = try ModelPath.directory(manifest.model, job.paths)
        let checkpoint = try Checkpoint(
            directory: directory.path, followSymlinks: job.paths.followSymlinks,
            opened: directory)
        let model = try Model(checkpoint)
        let threads = try threads()
        let parent = try Directory(job.paths.output(manifest.output).parent)
        let outputs = try outputs(Self.treatments(model, manifest), in: parent)
        let file = try manifest.knownStatistics.map { try job.paths.fileToRead($0).path }
        if let file { try checkpoint.inputs.note(file) }
        let inputs = [directory.path] + [file].compactMap(\.self)
        try check(outputs, in: parent, bytes: 0, inputs: inputs)
        let known = try file.map { try Self.statistics($0, model, outputs, job) }
        let limit = try memoryLimit()
        var texts = Texts(model: model, paths: job.paths, memory: limit, check: checkStop)
        let calibration = try manifest.calibration.map { try texts.calibration($0) }
        try Self.checkTuning(calibration, manifest)
        let evaluation = try manifest.evaluation.map { try texts.evaluation($0) }
        let precision: Precision =
            switch manifest.precision {
            case .auto: .automatic
            case .float32: .float32
            case .bfloat16: .bfloat16
            }
        let layers = outputs.map(\.treatment.layers)
        let memory = try MemoryPlan(
            model: model, sweeps: manifest.prune.sequential ? layers.map { [$0] } : [layers],
            calibration: calibration, evaluation: evaluation,
            order: manifest.prune.order, followsDense: manifest.prune.followsDense,
            removals: outputs.compactMap(\.treatment.experts),
            tunes: manifest.prune.tuning != nil, reading: texts.memory.bytes,
            allocation: manifest.prune.allocation, keepsStatistics: manifest.statistics,
            blocks: BlockMemory(model, outputs.map(\.treatment), calibration),
            precision: precision, threads: threads,
            limit: limit, place: manifest.name)
        var bytes = outputs.map(\.treatment.bytes) + [memory.scratchBytes]
        if manifest.statistics {
            bytes += try outputs.map { output in
                try StatisticsWriter.layout(
                    model, output.treatment.layers,
                    origin: known?.origin
                        ?? calibration.map { Self.origin(manifest, model, $0, output) },
                    file: Layout.Output.statistics
                ).size
            }
        }
        let plan = Plan(
            id: job.id, manifest: manifest, model: model, outputs: outputs, parent: parent,
            calibration: calibration, known: known, evaluation: evaluation, precision: precision,
            threads: threads, memory: memory, diskBytes: bytes.reduce(0, Self.sum))
        // Again, now that all sizes are known: paths that are wrong are told before texts are read.
        try checkSpace(plan, inputs: inputs)
        try plan.checkInputs()
        return plan
    }

    /// The largest number where it is too large for one.
    private static func sum(_ left: Int, _ right: Int) -> Int {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? .max : sum
    }

    /// What the job takes, and twice the hidden states for a snapshot, less what an earlier attempt
    /// of the job has taken already.
    private func checkSpace(_ plan: Plan, inputs: [String]) throws {
        var bytes = plan.diskBytes
        bytes -= PartialDirectory.allocatedBytes(of: job.id, in: plan.parent)
        if let directory = job.resumption?.directory {
            let needed = 2 * plan.memory.stateBytes - allocatedBytes(directory)
            let file = try Directory(directory)
            if try plan.parent.identity().device == file.identity().device {
                bytes = Self.sum(bytes, needed)
            } else {
                try OutputDirectory.checkSpace(needed, output: directory, file)
            }
        }
        try check(plan.outputs, in: plan.parent, bytes: bytes, inputs: inputs)
    }

    private func threads() throws -> Int {
        if let asked = job.manifest.limits.threads {
            if let allowed = job.ceiling.threads, asked > allowed {
                throw PlanError(
                    place: job.manifest.name, reason: .threads(asked: asked, allowed: allowed))
            }
            return asked
        }
        return min(job.ceiling.threads ?? .max, availableProcessors)
    }

    private func memoryLimit() throws -> Int {
        if let asked = job.manifest.limits.memory {
            if let allowed = job.ceiling.memory, asked > allowed {
                throw PlanError(
                    place: job.manifest.name,
                    reason: .memoryCeiling(asked: asked, allowed: allowed))
            }
            return asked
        }
        return min(job.ceiling.memory ?? .max, physicalMemory)
    }

    /// One output per method and sparsity.
    private func outputs(
        _ treatments: [[Treatment]], in parent: Directory
    ) throws -> [Plan.Output] {
        let manifest = job.manifest
        let own = job.resumption.map { OutputRecord.load(from: $0.directory) } ?? []
        let pairs = treatments.flatMap { Array(zip($0, manifest.prune.sparsity)) }
        return try zip(pairs, manifest.outputPaths).enumerated().map { index, pair in
            let name = try job.paths.output(pair.1).name
            // A job that died while it published several outputs finds its own here again.
            let isOwn = own.contains { OutputDirectory.isPublished(name, $0.identity, in: parent) }
            let (treatment, sparsity) = pair.0
            return Plan.Output(
                path: joined(parent.path, name), name: name, number: index + 1,
                treatment: treatment, sparsity: treatment.blocks?.share ?? sparsity,
                overwrite: manifest.overwrite || isOwn)
        }
    }

    private func check(
        _ outputs: [Plan.Output], in parent: Directory, bytes: Int, inputs: [String]
    ) throws {
        for output in outputs {
            try OutputDirectory.check(
                output.name, in: parent, overwrite: output.overwrite, bytes: bytes,
                inputs: inputs, for: job.paths.submitterID)
        }
    }
}
