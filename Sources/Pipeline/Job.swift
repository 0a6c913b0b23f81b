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
    /// `isStopped` is polled between sequences from any of them. Where it turns true the job removes
    /// its partial output and throws `Stopped`.
    /// - Returns: the paths of the published outputs, one per sparsity.
    package func run(
        progress: @escaping @Sendable (Progress) -> Void, isStopped: @escaping @Sendable () -> Bool
    ) throws -> [String] {
        mapLargeAllocations()
        let stop = StopCheck(
            name: manifest.name, limit: manifest.limits.time, isStopped: isStopped)
        let start = ContinuousClock.now
        progress(Progress(phase: .reading, blocks: 0, fraction: 0))
        let plan = try Plan(self)
        releaseFreedMemory()
        let meter = ProgressMeter(
            total: plan.expectedWork, blocks: plan.layers.count, report: progress)
        var builds: [OutputBuild] = []
        do {
            let isSequential = manifest.prune.sequential
            for output in plan.outputs {
                builds.append(try OutputBuild(plan, output, stop: stop))
                if isSequential {
                    try OutputBuild.compute(
                        [builds[builds.count - 1]], meter: meter, stop: stop,
                        densePerplexity: builds[0].densePerplexity)
                }
            }
            if !isSequential {
                try OutputBuild.compute(builds, meter: meter, stop: stop, densePerplexity: nil)
            }
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            let curve = builds.count > 1 ? builds.map(\.curvePoint) : []
            for build in builds { try build.writeReport(seconds: seconds, curve: curve) }
            try stop.check()
            for build in builds { try build.publish() }
        } catch {
            for build in builds { build.discard() }
            throw error
        }
        return plan.outputs.map(\.path)
    }
}
