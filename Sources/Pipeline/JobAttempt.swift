import Checkpoint
import Posix
import Pruning

/// One run of a job's computation, from the beginning or from a checkpoint.
struct JobAttempt {
    let plan: Plan
    let start: ContinuousClock.Instant
    let stop: StopCheck
    let progress: @Sendable (Progress) -> Void
    let checkpoint: JobCheckpoint?
    private var builds: [OutputBuild] = []
    /// What the layers of each output lose; empty where that is the same for all.
    private var shares: [Survey.Shares] = []

    init(
        plan: Plan, start: ContinuousClock.Instant, stop: StopCheck,
        progress: @escaping @Sendable (Progress) -> Void, checkpoint: JobCheckpoint?
    ) {
        self.plan = plan
        self.start = start
        self.stop = stop
        self.progress = progress
        self.checkpoint = checkpoint
    }

    /// - Throws: `StaleCheckpoint`, with nothing left of it, where `saved` turns out to be of no use.
    mutating func run(from saved: SavedJob?) throws -> [String] {
        if let saved, let finished = saved.finished {
            try publish(finished)
            return plan.outputs.map(\.path)
        }
        // Before anything that it names is removed or changed.
        if saved == nil { try checkpoint?.remove() }
        let meter = ProgressMeter(
            total: plan.expectedWork, done: saved?.work ?? 0, blocks: plan.blocks,
            report: progress)
        do {
            if let saved { try resume(saved) }
            try compute(meter, saved)
            let seconds = seconds(saved)
            let curve = builds.count > 1 ? builds.map(\.curvePoint) : []
            let denseSeconds = builds.first?.denseSeconds
            for build in builds {
                try build.writeReport(seconds: seconds, denseSeconds: denseSeconds, curve: curve)
            }
            try stop.check()
            try checkpoint?.keepFinished(builds, seconds: seconds, work: meter.done)
            for build in builds { try build.publish() }
        } catch {
            try leave(error)
            throw error
        }
        // What is left of it is no checkpoint of a job that still runs.
        try? checkpoint?.remove()
        return plan.outputs.map(\.path)
    }

    /// Does what is left of a job whose outputs are complete; `inodes` are those of their directories.
    private func publish(_ inodes: [Int]) throws {
        guard let checkpoint, inodes.count == plan.outputs.count else {
            throw StaleCheckpoint("it does not fit the job")
        }
        let blocks = plan.blocks
        checkpoint.resumption.notify(.resumed(block: blocks, blocks: blocks))
        do {
            for (output, inode) in zip(plan.outputs, inodes) {
                let isThere = try OutputDirectory.publish(
                    inode: inode, output: output.path, id: output.partialID,
                    overwrite: output.overwrite, followSymlinks: plan.job.paths.followSymlinks)
                if !isThere { throw StaleCheckpoint("\(escaped(output.path)) has gone") }
            }
        } catch {
            if (error as? any Failure)?.exitCode != .tryAgain, !(error is StaleCheckpoint) {
                try? checkpoint.remove()
                for output in plan.outputs {
                    let partial = OutputDirectory.partial(output: output.path, id: output.partialID)
                    try? removeTree(partial)
                }
            }
            throw error
        }
        try? checkpoint.remove()
    }

    /// Takes over the outputs that were begun.
    private mutating func resume(_ saved: SavedJob) throws {
        guard let checkpoint, saved.outputs.count <= plan.outputs.count,
            saved.block <= plan.blocks,
            plan.manifest.prune.sequential || saved.outputs.count == plan.outputs.count,
            saved.shares.count
                == (plan.manifest.prune.allocation == .uniform ? 0 : plan.outputs.count)
        else { throw StaleCheckpoint("it does not fit the job") }
        shares = saved.shares
        do {
            for (index, (output, state)) in zip(plan.outputs, saved.outputs).enumerated() {
                let isUnderWay =
                    !plan.manifest.prune.sequential || index == saved.outputs.count - 1
                builds.append(
                    try OutputBuild(
                        resuming: plan, output, stop: stop, checkpoint: checkpoint, state,
                        firstBlock: isUnderWay ? saved.block : plan.blocks))
            }
        } catch {
            let text = (error as? any Failure)?.description ?? "\(error)"
            throw StaleCheckpoint("the unfinished output cannot be used: \(text)")
        }
        checkpoint.resumption.notify(
            .resumed(block: saved.block, blocks: plan.blocks))
    }

    private mutating func compute(_ meter: ProgressMeter, _ saved: SavedJob?) throws {
        let isSequential = plan.manifest.prune.sequential
        if saved == nil {
            for output in isSequential ? [plan.outputs[0]] : plan.outputs { try begin(output) }
        }
        try allocate(meter, saved)
        guard isSequential else {
            _ = try OutputBuild.compute(
                builds, shares: shares, meter: meter, stop: stop, measuresDense: true, dense: nil,
                continuation: continuation(meter, saved))
            return
        }
        // The dense model is the same for all outputs.
        var dense: [HiddenStates]?
        for index in (builds.count - 1)..<plan.outputs.count {
            let isResumed = saved != nil && index < builds.count
            if index == builds.count { try begin(plan.outputs[index]) }
            dense = try OutputBuild.compute(
                [builds[index]], shares: shares.isEmpty ? [] : [shares[index]], meter: meter,
                stop: stop, measuresDense: index == 0, dense: dense,
                continuation: continuation(meter, saved, isResumed: isResumed))
        }
    }

    /// Finds out what each layer of each output is to lose, where that is not the same for all.
    private mutating func allocate(_ meter: ProgressMeter, _ saved: SavedJob?) throws {
        guard plan.manifest.prune.allocation != .uniform, shares.isEmpty else { return }
        var survey = Survey(plan, directory: builds[0].partialPath)
        try survey.run(builds[0].surveyObserver(meter: meter, stop: stop))
        shares = plan.outputs.map { survey.shares(of: $0) }
        checkpoint?.keep(
            0, [], of: builds, shares: shares, seconds: seconds(saved), work: meter.done)
    }

    private mutating func begin(_ output: Plan.Output) throws {
        builds.append(try OutputBuild(plan, output, stop: stop, checkpoint: checkpoint))
    }

    private func continuation(
        _ meter: ProgressMeter, _ saved: SavedJob?, isResumed: Bool = true
    ) -> SweepContinuation? {
        guard let checkpoint else { return nil }
        let source = isResumed ? saved : nil
        let (start, builds, shares, earlier) = (start, builds, shares, saved?.seconds ?? 0)
        return SweepContinuation(
            firstBlock: source?.block ?? 0,
            restore: { states in
                if let source { try checkpoint.restore(source, into: states) }
            },
            keep: { block, states in
                checkpoint.keep(
                    block, states, of: builds, shares: shares,
                    seconds: earlier + (ContinuousClock.now - start) / .seconds(1),
                    work: meter.done)
            })
    }

    /// Of the job so far, in all attempts.
    private func seconds(_ saved: SavedJob?) -> Double {
        (saved?.seconds ?? 0) + (ContinuousClock.now - start) / .seconds(1)
    }

    /// Cleans up after a failure, but for what another attempt can go on from.
    private mutating func leave(_ error: any Error) throws {
        let isKept = checkpoint?.finish() ?? false
        let passes = (error as? any Failure)?.exitCode == .tryAgain
        if isKept, passes {
            for build in builds { build.leave() }
        } else {
            // First the checkpoint, so that it never names what is not there.
            try? checkpoint?.remove()
            for build in builds { build.discard() }
        }
        builds = []
        shares = []
    }
}
