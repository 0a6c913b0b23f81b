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
    /// Who knows of the job when its process has died.
    package enum Keeper: Sendable, Hashable {
        /// The next job without a daemon cleans up.
        case nobody
        case daemon
        /// A snapshot in a directory of that name beside the outputs.
        case snapshot(String)
    }

    package var keeper = Keeper.nobody
    /// Told what a person should know and what ends nothing.
    package var warn: @Sendable (String) -> Void = { _ in }
    /// Told what the job will take as soon as that is known.
    package var planned: @Sendable (_ memory: Int, _ threads: Int) -> Void = { _, _ in }

    /// Told what a person should know of the inputs, though the job can be done: one line each.
    package var warned: @Sendable (_ warning: String) -> Void = { _ in }

    package init(id: String, manifest: Manifest, paths: Roots, ceiling: Configuration.Limits) {
        self.id = id
        self.manifest = manifest
        self.paths = paths
        self.ceiling = ceiling
    }

    /// Checks model, paths, texts, disk space and memory without computing anything or leaving
    /// anything behind. Every weight is read once, for a NaN among them; `run` looks for those as
    /// it comes to each weight, so that a model larger than memory is read once all in all.
    /// - Returns: what running it will take.
    @discardableResult
    package func validate() throws -> Demand {
        let plan = try Planner(self).plan()
        for warning in plan.warnings { warned(warning) }
        try plan.model.checkFinite(pool: WorkerPool(width: plan.threads))
        return Demand(plan)
    }

    /// Prunes and publishes. `progress` is called from the job's threads, a few times a second;
    /// `isStopped` is polled between sequences from any of them. Where it turns true the job throws
    /// `Stopped`. It leaves its snapshot, if it has one, and else nothing.
    /// - Returns: the paths of the published outputs, one per sparsity.
    package func run(
        progress: @escaping @Sendable (Progress) -> Void, isStopped: @escaping @Sendable () -> Bool
    ) throws -> [String] {
        mapLargeAllocations()
        let stop = StopCheck(
            name: manifest.name, limit: manifest.limits.time, isStopped: isStopped)
        let start = ContinuousClock.now
        progress(Progress(phase: .reading, blocks: 0, fraction: 0))
        if keeper != .daemon { try removeStale() }
        let plan = try Planner(self, checkStop: stop.checkStop).plan()
        try plan.loadLibraries()
        releaseFreedMemory()
        planned(plan.memory.bytes, plan.memory.threads)
        for warning in plan.warnings { warned(warning) }
        let snapshot = try resumption.map { try JobSnapshot($0, plan) }
        func run(from saved: SavedJob?) throws -> [String] {
            var run = JobRun(
                self, plan, start: start, stop: stop, progress: progress, snapshot: snapshot,
                from: saved)
            return try run.run()
        }
        let saved = snapshot?.load()
        if saved == nil { try giveUp(snapshot) }
        do {
            return try run(from: saved)
        } catch let stale as StaleSnapshot {
            resumption?.notify(.refused(stale.reason))
            try giveUp(snapshot)
            return try run(from: nil)
        }
    }

    /// Removes what attempts of a daemon's job that were killed have left beside its outputs.
    package static func removeLeftovers(
        of id: String, _ manifest: Manifest, _ roots: Roots
    ) throws {
        guard let path = manifest.outputPaths.first else { return }
        let parent = try Directory(roots.output(path).parent)
        try PartialDirectory.removeLeftovers(of: id, in: parent)
    }

    /// A snapshot that is of no use keeps nobody from removing what it names.
    private func giveUp(_ snapshot: JobSnapshot?) throws {
        guard let snapshot else { return }
        try snapshot.remove()
        if keeper != .daemon { try removeStale() }
    }

    /// What jobs without a daemon left beside the output when they were killed.
    private func removeStale() throws {
        let parent = try paths.output(manifest.output).parent
        guard let directory = try? Directory(parent) else { return }
        for leftover in PartialDirectory.removeStale(in: directory) {
            switch leftover {
            case .removed(let path):
                warn("removed \(escaped(path)), the unfinished output of a job that was killed")
            case .kept(let path, let reason):
                warn("\(escaped(path)) is an unfinished output: \(reason)")
            }
        }
    }
}
