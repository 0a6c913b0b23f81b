import Checkpoint
import Manifests
import Posix
import Pruning
import Tensors

/// One manifest's work: `validate` checks everything, `run` computes and publishes.
package struct Job: Sendable {
    /// The spool's name of the job; `stadectl prune` makes one up. Letters, digits and `-` only.
    package let id: String
    package let manifest: Manifest
    package let paths: Roots
    /// What the configuration allows at most; the manifest may ask for less.
    package let ceiling: Configuration.Limits
    /// nil: a job that ends early leaves nothing, and starts from the beginning.
    package var resumption: Resumption?
    /// Told what the job will take as soon as that is known.
    package var planned: @Sendable (_ memory: Int, _ threads: Int) -> Void = { _, _ in }

    package init(id: String, manifest: Manifest, paths: Roots, ceiling: Configuration.Limits) {
        self.id = id
        self.manifest = manifest
        self.paths = paths
        self.ceiling = ceiling
    }

    /// Checks model, paths, texts, disk space and memory without computing anything or leaving
    /// anything behind. Every weight is read once, for a NaN among them; `run` looks for those as it
    /// comes to each weight, so that a model larger than memory is read once all in all.
    /// - Returns: what running it will take.
    @discardableResult
    package func validate() throws -> Demand {
        let plan = try Plan(self)
        try plan.model.checkFinite(pool: WorkerPool(width: plan.threads))
        return Demand(plan)
    }

    /// Prunes and publishes. `progress` is called from the job's threads, a few times a second;
    /// `isStopped` is polled between sequences from any of them. Where it turns true the job throws
    /// `Stopped`. It leaves its checkpoint, if it has one, and else nothing.
    /// - Returns: the paths of the published outputs, one per sparsity.
    package func run(
        progress: @escaping @Sendable (Progress) -> Void, isStopped: @escaping @Sendable () -> Bool
    ) throws -> [String] {
        mapLargeAllocations()
        let stop = StopCheck(
            name: manifest.name, limit: manifest.limits.time, isStopped: isStopped)
        let start = ContinuousClock.now
        progress(Progress(phase: .reading, blocks: 0, fraction: 0))
        let plan = try Plan(self, check: stop.check)
        releaseFreedMemory()
        planned(plan.memory.bytes, plan.memory.threads)
        let checkpoint = try resumption.map { try JobCheckpoint($0, plan) }
        var attempt = JobAttempt(
            plan: plan, start: start, stop: stop, progress: progress, checkpoint: checkpoint)
        let saved = checkpoint?.load()
        do {
            return try attempt.run(from: saved)
        } catch let stale as StaleCheckpoint {
            resumption?.notify(.refused(stale.reason))
            return try attempt.run(from: nil)
        }
    }
}
