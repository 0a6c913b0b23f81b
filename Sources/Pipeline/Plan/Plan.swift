import Checkpoint
import Documents
import Glibc
import Manifests
import Posix
import Pruning
import Tensors
import Transformer

/// Everything about a job that is decided before anything is computed.
package struct Plan: Sendable {
    /// One checkpoint to write.
    struct Output: Sendable {
        let path: String
        /// In `Plan.parent`.
        let name: String
        /// Among the job's, from 1.
        let number: Int
        let treatment: Treatment
        let sparsity: Double
        let overwrite: Bool
    }

    let job: Job
    let model: Model
    let outputs: [Output]
    /// That holds all outputs, or will.
    let parent: Directory
    let calibration: TokenWindows?
    /// In place of a calibration.
    let known: StatisticsFile?
    let evaluation: Evaluation?
    let precision: Precision
    let threads: Int
    let memory: MemoryPlan
    /// Disk space that the job takes at most, in bytes: outputs with their statistics, and hidden
    /// states.
    private(set) var diskBytes = 0

    var manifest: Manifest { job.manifest }

    /// What a person should know of the inputs.
    var warnings: [String] { model.checkpoint.warnings }

    /// Blocks of the model.
    var blocks: Int { model.configuration.numHiddenLayers }

    /// Checks model, texts, paths, disk space and memory, and leaves nothing behind.
    /// - Parameter check: called while texts are read; what it throws ends that.
    init(_ job: Job, check: @escaping @Sendable () throws -> Void = {}) throws {
        self.job = job
        let manifest = job.manifest
        let directory = try ModelPath.directory(manifest.model, job.paths)
        let checkpoint = try Checkpoint(
            directory: directory.path, followSymlinks: job.paths.followSymlinks,
            opened: directory)
        model = try Model(checkpoint)
        threads = try Self.threads(job)
        parent = try Directory(job.paths.output(manifest.output).parent)
        outputs = try Self.planOutputs(job, Self.treatments(model, manifest), parent)
        let file = try manifest.knownStatistics.map { try job.paths.fileToRead($0).path }
        if let file { try checkpoint.inputs.note(file) }
        let inputs = [directory.path] + [file].compactMap(\.self)
        try Self.checkOutputs(outputs, in: parent, bytes: 0, inputs: inputs, paths: job.paths)
        known = try file.map { [model, outputs] path in
            try Self.statistics(path, model, outputs, job)
        }
        let limit = try Self.memoryLimit(job)
        var texts = Texts(model: model, paths: job.paths, memory: limit, check: check)
        calibration = try manifest.calibration.map { try texts.calibration($0) }
        evaluation = try manifest.evaluation.map { try texts.evaluation($0) }
        precision =
            switch manifest.precision {
            case .auto: .automatic
            case .float32: .float32
            case .bfloat16: .bfloat16
            }
        memory = try MemoryPlan(
            model: model,
            sweeps: manifest.prune.sequential
                ? outputs.map { [$0.treatment.layers] } : [outputs.map(\.treatment.layers)],
            calibration: calibration, evaluation: evaluation, reading: texts.memory.bytes,
            allocation: manifest.prune.allocation, keepsStatistics: manifest.statistics,
            precision: precision, threads: threads,
            limit: limit, place: manifest.name)
        diskBytes = try diskSpace()
        // Again, now that all sizes are known: paths that are wrong are told before texts are read.
        try checkSpace(inputs: inputs)
        try checkInputs()
    }

    /// - Throws: `ChangedInput` where a file that the job reads is not what it was.
    func checkInputs() throws { try model.checkpoint.inputs.check() }

    private func diskSpace() throws -> Int {
        var bytes = outputs.map(\.treatment.layout.bytes) + [memory.scratchBytes]
        if manifest.statistics {
            bytes += try outputs.map { output in
                try StatisticsWriter.layout(
                    model, output.treatment.layers, origin: origin(of: output),
                    file: Layout.Output.statistics
                ).size
            }
        }
        return bytes.reduce(0) { sum, size in
            let (next, overflow) = sum.addingReportingOverflow(size)
            return overflow ? .max : next
        }
    }

    /// `diskBytes`, and twice the hidden states for a checkpoint, less what an earlier attempt of
    /// the job has taken already.
    private func checkSpace(inputs: [String]) throws {
        var bytes = diskBytes
        bytes -= PartialDirectory.allocatedBytes(of: job.id, in: parent)
        if let directory = job.resumption?.directory {
            let needed = 2 * memory.stateBytes - allocatedBytes(directory)
            let file = try Directory(directory)
            if try parent.identity().device == file.identity().device {
                let (sum, overflow) = bytes.addingReportingOverflow(needed)
                bytes = overflow ? .max : sum
            } else {
                try OutputDirectory.checkSpace(needed, output: directory, file)
            }
        }
        try Self.checkOutputs(
            outputs, in: parent, bytes: bytes, inputs: inputs, paths: job.paths)
    }

    private static func threads(_ job: Job) throws -> Int {
        if let asked = job.manifest.limits.threads {
            if let allowed = job.ceiling.threads, asked > allowed {
                throw PlanError(
                    place: job.manifest.name, reason: .threads(asked: asked, allowed: allowed))
            }
            return asked
        }
        return min(job.ceiling.threads ?? .max, availableProcessors)
    }

    private static func memoryLimit(_ job: Job) throws -> Int {
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
    private static func planOutputs(
        _ job: Job, _ treatments: [[Treatment]], _ parent: Directory
    ) throws -> [Output] {
        let manifest = job.manifest
        let own = job.resumption.map { OutputRecord.load(from: $0.directory) } ?? []
        let pairs = treatments.flatMap { Array(zip($0, manifest.prune.sparsity)) }
        return try zip(pairs, manifest.outputPaths).enumerated().map { index, pair in
            let name = try job.paths.output(pair.1).name
            // A job that died while it published several outputs finds its own here again.
            let isOwn = own.contains { OutputDirectory.isPublished(name, $0.identity, in: parent) }
            return Output(
                path: joined(parent.path, name), name: name, number: index + 1,
                treatment: pair.0.0, sparsity: pair.0.1, overwrite: manifest.overwrite || isOwn)
        }
    }

    private static func checkOutputs(
        _ outputs: [Output], in parent: Directory, bytes: Int, inputs: [String], paths: Roots
    ) throws {
        for output in outputs {
            try OutputDirectory.check(
                output.name, in: parent, overwrite: output.overwrite, bytes: bytes,
                inputs: inputs, for: paths.submitterID)
        }
    }
}
