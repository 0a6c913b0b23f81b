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
        let treatment: Treatment
        let sparsity: Double
        /// What `OutputDirectory` calls it while it is built.
        let partialID: String
        let overwrite: Bool
    }

    let job: Job
    let model: Model
    let outputs: [Output]
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

    /// Blocks of the model.
    var blocks: Int { model.configuration.numHiddenLayers }

    /// Checks model, texts, paths, disk space and memory, and leaves nothing behind.
    /// - Parameter check: called while texts are read; what it throws ends that.
    init(_ job: Job, check: @escaping @Sendable () throws -> Void = {}) throws {
        self.job = job
        let manifest = job.manifest
        let directory = try job.paths.directoryToRead(manifest.model)
        let checkpoint = try Checkpoint(
            directory: directory, followSymlinks: job.paths.followSymlinks)
        model = try Model(checkpoint)
        threads = try Self.threads(job)
        outputs = try Self.planOutputs(job, Self.treatments(model, manifest))
        let file = try manifest.knownStatistics.map { try job.paths.fileToRead($0) }
        let inputs = [directory] + [file].compactMap(\.self)
        try Self.checkOutputs(outputs, bytes: 0, inputs: inputs, paths: job.paths)
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
    }

    private func diskSpace() throws -> Int {
        var bytes = outputs.map(\.treatment.layout.bytes) + [memory.scratchBytes]
        if manifest.statistics {
            bytes += try outputs.map { output in
                try StatisticsWriter.layout(
                    model, output.treatment.layers, origin: origin(of: output),
                    file: StatisticsWriter.fileName
                ).size
            }
        }
        return bytes.reduce(0) { sum, size in
            let (next, overflow) = sum.addingReportingOverflow(size)
            return overflow ? .max : next
        }
    }

    /// `diskBytes`, and twice the hidden states for a checkpoint, less what an earlier attempt of the
    /// job has taken already.
    private func checkSpace(inputs: [String]) throws {
        var bytes = diskBytes
        for output in outputs {
            bytes -= allocatedBytes(
                OutputDirectory.partial(output: output.path, id: output.partialID))
        }
        if let directory = job.resumption?.directory {
            let needed = 2 * memory.stateBytes - allocatedBytes(directory)
            let file = try File(directory, O_RDONLY | O_DIRECTORY)
            let device = try file.status().st_dev
            var status = stat()
            let parent = OutputDirectory.parentPath(of: outputs[0].path)
            if stat(parent, &status) == 0, status.st_dev == device {
                let (sum, overflow) = bytes.addingReportingOverflow(needed)
                bytes = overflow ? .max : sum
            } else {
                try OutputDirectory.checkSpace(needed, output: directory, file)
            }
        }
        try Self.checkOutputs(outputs, bytes: bytes, inputs: inputs, paths: job.paths)
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

    /// One output per method and sparsity: the path as it stands for one, with what differs behind
    /// it for more.
    private static func planOutputs(_ job: Job, _ treatments: [[Treatment]]) throws -> [Output] {
        let manifest = job.manifest
        let sparsities = manifest.prune.sparsity
        var base = manifest.output[...]
        while base.count > 1, base.hasSuffix("/") { base.removeLast() }
        let pairs = treatments.flatMap { Array(zip($0, sparsities)) }
        return try pairs.enumerated().map { index, pair in
            let (treatment, sparsity) = pair
            let names =
                (treatments.count > 1 ? [treatment.method.name] : [])
                + (sparsities.count > 1 ? ["\(sparsity)"] : [])
            let path = try job.paths.outputPath(
                names.isEmpty
                    ? manifest.output : ([String(base)] + names).joined(separator: "-"))
            return Output(
                path: path, treatment: treatment, sparsity: sparsity,
                partialID: names.isEmpty ? job.id : "\(job.id)-\(index)",
                // A job that died while it published several outputs finds its own here again.
                overwrite: manifest.overwrite || isOwn(path, job.id))
        }
    }

    /// Whether an output was published by this very job.
    static func isOwn(_ path: String, _ id: String) -> Bool {
        let file = "\(path)/\(Report.fileName)"
        // Somebody else may have put anything there, a FIFO for one, which would block.
        guard let opened = try? File(file, O_RDONLY | O_NONBLOCK | O_NOFOLLOW),
            let status = try? opened.status(), status.st_mode & S_IFMT == S_IFREG,
            let bytes = try? opened.readAll(limit: 1 << 28),
            let report = try? JSON.parse(bytes, file: file)
        else { return false }
        return report["job"]?["id"]?.string == id
    }

    private static func checkOutputs(
        _ outputs: [Output], bytes: Int, inputs: [String], paths: Roots
    ) throws {
        for output in outputs {
            try OutputDirectory.check(
                output: output.path, overwrite: output.overwrite,
                bytes: bytes, inputs: inputs, followSymlinks: paths.followSymlinks)
        }
    }
}
