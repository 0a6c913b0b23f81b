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
    /// In which they are.
    private var partial: PartialDirectory?
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

    /// - Throws: `StaleCheckpoint`, with nothing left of it, where `saved` turns out to be of no
    ///   use.
    mutating func run(from saved: SavedJob?) throws -> [String] {
        if let saved, saved.isFinished {
            try publish(saved)
            return plan.outputs.map(\.path)
        }
        // Before anything that it names is removed or changed.
        if saved == nil {
            try checkpoint?.remove()
            try checkpoint?.forgetUnpublished(plan)
        }
        let meter = ProgressMeter(
            total: plan.expectedWork, done: saved?.work ?? 0, blocks: plan.blocks,
            report: progress)
        do {
            if let saved { try resume(saved) }
            try compute(meter, saved)
            let seconds = seconds(saved)
            let curve = builds.count > 1 ? builds.map(\.curvePoint) : []
            let denseSeconds = builds.first?.denseSeconds
            let records = try builds.map { build in
                try build.writeReport(seconds: seconds, denseSeconds: denseSeconds, curve: curve)
            }
            try stop.check()
            try plan.checkInputs()
            if let partial {
                try checkpoint?.keepFinished(
                    builds, in: partial, records, seconds: seconds, work: meter.done)
            }
            for build in builds { try build.publish() }
        } catch {
            try leave(error)
            throw error
        }
        // What is left of it is no checkpoint of a job that still runs.
        try? checkpoint?.remove()
        removePartial()
        return plan.outputs.map(\.path)
    }

    /// Removes what the outputs were built in, and with it the old ones that they have replaced.
    private mutating func removePartial() {
        builds = []
        do {
            try partial?.remove()
        } catch {
            plan.job.warn("\(error); it is left for you to remove")
        }
        partial = nil
    }

    /// Does what is left of a job whose outputs are complete.
    private mutating func publish(_ saved: SavedJob) throws {
        guard let checkpoint, saved.outputs.count == plan.outputs.count else {
            throw StaleCheckpoint("it does not fit the job")
        }
        let blocks = plan.blocks
        checkpoint.resumption.notify(.resumed(block: blocks, blocks: blocks))
        let (parent, isForOthers) = (plan.parent, plan.job.paths.actsForOthers)
        let waiting = zip(plan.outputs, saved.outputs).filter { output, built in
            !OutputDirectory.isPublished(output.name, built.identity, in: parent)
        }
        partial = try unlessShort {
            try PartialDirectory(
                resuming: saved.place.name, saved.place.identity, id: plan.job.id, in: parent,
                mustBePrivate: isForOthers)
        }
        do {
            for (output, built) in waiting {
                let partial = partial
                let found = try unlessShort {
                    try partial.map {
                        try OutputDirectory(
                            resuming: output.name, number: output.number, built.identity, in: $0,
                            overwrite: output.overwrite)
                    }
                }
                guard let directory = found ?? nil else {
                    throw StaleCheckpoint("\(escaped(output.path)) has gone")
                }
                try directory.publish(for: plan.job.paths.submitterID)
            }
            try parent.sync()
        } catch {
            if (error as? any Failure)?.exitCode != .tryAgain, !(error is StaleCheckpoint) {
                try? checkpoint.remove()
                removePartial()
            }
            partial = nil
            throw error
        }
        try? checkpoint.remove()
        removePartial()
    }

    /// nil where it is not there; a lack of descriptors or memory does not say so.
    private func unlessShort<Value>(_ body: () throws -> Value) throws -> Value? {
        do {
            return try body()
        } catch {
            if (error as? any Failure)?.exitCode == .tryAgain { throw error }
            return nil
        }
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
            let partial = try PartialDirectory(
                resuming: saved.place.name, saved.place.identity, id: plan.job.id,
                in: plan.parent, mustBePrivate: plan.job.paths.actsForOthers)
            self.partial = partial
            for (index, (output, built)) in zip(plan.outputs, saved.outputs).enumerated() {
                let isUnderWay =
                    !plan.manifest.prune.sequential || index == saved.outputs.count - 1
                builds.append(
                    try OutputBuild(
                        resuming: plan, output, in: partial, stop: stop, checkpoint: checkpoint,
                        built, firstBlock: isUnderWay ? saved.block : plan.blocks))
            }
        } catch {
            if (error as? any Failure)?.exitCode == .tryAgain { throw error }
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
        guard let partial else { return }
        var survey = Survey(plan, directory: partial.directory)
        try survey.run(builds[0].surveyObserver(meter: meter, stop: stop))
        shares = plan.outputs.map { survey.shares(of: $0) }
        checkpoint?.keep(
            0, [], of: builds, in: partial, shares: shares, seconds: seconds(saved),
            work: meter.done)
    }

    private mutating func begin(_ output: Plan.Output) throws {
        let partial = try self.partial ?? makePartial()
        self.partial = partial
        builds.append(
            try OutputBuild(plan, output, in: partial, stop: stop, checkpoint: checkpoint))
    }

    private func makePartial() throws -> PartialDirectory {
        let job = plan.job
        let mark =
            switch job.keeper {
            case .nobody: PartialDirectory.Mark(id: job.id)
            case .daemon: PartialDirectory.Mark(id: job.id, isDaemons: true)
            case .checkpoint(let name): PartialDirectory.Mark(id: job.id, checkpoint: name)
            }
        return try PartialDirectory.make(
            mark, in: plan.parent, mustBePrivate: job.paths.actsForOthers
        ) { path in
            job.warn("\(escaped(path)) is somebody else's; another name is taken")
        }
    }

    private func continuation(
        _ meter: ProgressMeter, _ saved: SavedJob?, isResumed: Bool = true
    ) -> SweepContinuation? {
        guard let checkpoint, let partial else { return nil }
        let source = isResumed ? saved : nil
        let (start, builds, shares, earlier) = (start, builds, shares, saved?.seconds ?? 0)
        return SweepContinuation(
            firstBlock: source?.block ?? 0,
            restore: { states in
                if let source { try checkpoint.restore(source, into: states) }
            },
            keep: { block, states in
                checkpoint.keep(
                    block, states, of: builds, in: partial, shares: shares,
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
        for build in builds { build.leave() }
        if !(isKept && passes) {
            // First the checkpoint, so that it never names what is not there.
            try? checkpoint?.remove()
            removePartial()
        }
        builds = []
        partial = nil
        shares = []
    }
}
