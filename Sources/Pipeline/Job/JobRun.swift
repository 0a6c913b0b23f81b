import Checkpoint
import Posix
import Pruning
import Tensors

/// One run of a job's computation, from the beginning or from a snapshot.
struct JobRun {
    let job: Job
    private(set) var plan: Plan
    let start: ContinuousClock.Instant
    let watch: Watch
    let snapshot: JobSnapshot?
    /// What it goes on from; nil: it begins.
    let saved: SavedJob?
    private var writers: [OutputWriter] = []
    /// In which they write.
    private var partial: PartialDirectory?
    /// What the layers of each output lose; empty where that is the same for all.
    private var sparsities: [Survey.Sparsities] = []

    /// - Parameter stop: of the job.
    init(
        _ job: Job, _ plan: Plan, start: ContinuousClock.Instant, stop: StopCheck,
        progress: @escaping @Sendable (Progress) -> Void, snapshot: JobSnapshot?,
        from saved: SavedJob?
    ) {
        self.job = job
        self.plan = plan
        self.start = start
        self.snapshot = snapshot
        self.saved = saved
        watch = Watch(
            stop,
            ProgressMeter(
                total: plan.expectedWork, done: saved?.progress.work ?? 0, blocks: plan.blocks,
                report: progress))
    }

    /// - Throws: `StaleSnapshot`, with nothing left of it, where `saved` turns out to be of no use.
    mutating func run() throws -> [String] {
        if let saved, saved.isFinished {
            try publish(saved)
            return plan.outputs.map(\.path)
        }
        // Before anything that it names is removed or changed.
        if saved == nil {
            try snapshot?.remove()
            try snapshot?.forgetUnpublished(plan)
        }
        do {
            if let saved { try resume(saved) }
            try compute()
            let seconds = seconds
            let curve = writers.count > 1 ? writers.map(\.curvePoint) : []
            let denseSeconds = writers.first?.denseSeconds
            let records = try writers.map { writer in
                try writer.writeReport(
                    seconds: seconds, denseSeconds: denseSeconds, curve: curve)
            }
            try watch.checkStop()
            try plan.checkInputs()
            if let snapshot, let partial {
                // What fsync(2) refuses ends the job; a note that cannot be written does not.
                for writer in writers { try writer.syncAll() }
                try snapshot.keepFinished(
                    progress(plan.blocks, in: partial, seconds: seconds), records)
            }
            for writer in writers { try writer.publish(for: job.paths.submitterID) }
        } catch {
            try leave(error)
            throw error
        }
        // What is left of it is no snapshot of a job that still runs.
        try? snapshot?.remove()
        writers = []
        remove(partial)
        partial = nil
        return plan.outputs.map(\.path)
    }

    private mutating func compute() throws {
        let isSequential = plan.manifest.prune.sequential
        if saved == nil {
            let surveyed = try chooseBlocks()
            for output in isSequential ? [plan.outputs[0]] : plan.outputs { try begin(output) }
            if let surveyed {
                writers.first?.add(surveyed)
                keep(0, [])
            }
        }
        try allocate()
        guard isSequential else {
            _ = try sweep(writers.indices, from: saved, dense: nil)
            return
        }
        // The dense model is the same for all outputs.
        var dense: [HiddenStates]?
        for index in (writers.count - 1)..<plan.outputs.count {
            let isResumed = index < writers.count
            if !isResumed { try begin(plan.outputs[index]) }
            dense = try sweep(index..<(index + 1), from: isResumed ? saved : nil, dense: dense)
        }
    }

    /// Runs one sweep for some outputs: a single one where it is sequential.
    ///
    /// - Parameters:
    ///   - saved: what this sweep goes on from.
    ///   - dense: what an earlier sweep of this run has returned.
    /// - Returns: what the dense model leaves of the evaluation's sequences.
    private func sweep(
        _ indices: Range<Int>, from saved: SavedJob?, dense: [HiddenStates]?
    ) throws -> [HiddenStates] {
        let sweep = makeSweep(indices)
        let writers = Array(writers[indices])
        let first = saved?.progress.block ?? 0
        var states = try sweep.states(before: first, dense: dense)
        if let snapshot, let saved, first > 0 {
            try snapshot.restore(saved, into: sweep.named(states))
        }
        for block in first..<plan.blocks {
            try sweep.prune(block, &states, into: writers)
            keep(block + 1, sweep.named(states))
        }
        for (index, comparison) in try sweep.compare(states).enumerated() {
            watch.progress(.writing, block: nil, sweep.lanes[index].label)
            try writers[index].finish(comparison)
        }
        return states.dense
    }

    private func makeSweep(_ indices: Range<Int>) -> Sweep {
        let prune = plan.manifest.prune
        return Sweep(
            model: plan.model,
            lanes: indices.map { plan.lane($0, sparsities.isEmpty ? [:] : sparsities[$0]) },
            pattern: prune.pattern, scope: prune.scope,
            seed: plan.manifest.calibration?.seed ?? 0, sequential: prune.sequential,
            byStages: prune.order == .stages,
            calibration: plan.calibration, known: plan.known, evaluation: plan.evaluation,
            measuresDense: indices.contains(0), keepsDense: prune.followsDense,
            tuning: plan.tuning, keepsStatistics: plan.manifest.statistics,
            precision: plan.precision,
            pool: WorkerPool(width: plan.memory.threads), watch: watch,
            expertLimit: plan.memory.expertLimit,
            scratchDirectory: plan.memory.usesScratchFile ? partial?.directory : nil)
    }

    /// Finds out what each layer of each output is to lose, where that is not the same for all.
    private mutating func allocate() throws {
        guard plan.manifest.prune.allocation != .uniform, sparsities.isEmpty else { return }
        var survey = Survey(
            plan,
            Passes(
                plan.model, length: plan.calibration?.length ?? 0, precision: plan.precision,
                pool: WorkerPool(width: plan.memory.threads), watch: watch,
                scratchDirectory: plan.memory.usesScratchFile ? partial?.directory : nil))
        try survey.run()
        writers.first?.add(survey.cost)
        sparsities = plan.outputs.map { survey.sparsities(of: $0) }
        keep(0, [])
    }

    /// Finds out which blocks are to go, where the manifest names none. It is done again where the
    /// job ends before the first block is.
    /// - Returns: what it has taken; nil where there is nothing to find out.
    private mutating func chooseBlocks() throws -> Cost? {
        guard plan.choosesBlocks, let calibration = plan.calibration else { return nil }
        partial = try partial ?? makePartial()
        var survey = BlockSurvey(plan, makeSweep(0..<1), calibration)
        plan = try plan.choosing(survey.run())
        return survey.cost
    }

    private mutating func begin(_ output: Plan.Output) throws {
        let partial = try self.partial ?? makePartial()
        self.partial = partial
        writers.append(try OutputWriter(plan, output, in: partial, watch: watch))
    }

    private func makePartial() throws -> PartialDirectory {
        let mark =
            switch job.keeper {
            case .nobody: PartialDirectory.Mark(id: job.id)
            case .daemon: PartialDirectory.Mark(id: job.id, isDaemons: true)
            case .snapshot(let name): PartialDirectory.Mark(id: job.id, snapshot: name)
            }
        return try PartialDirectory.make(
            mark, in: plan.parent, mustBePrivate: job.paths.actsForOthers
        ) { [job] path in
            job.warn("\(escaped(path)) is somebody else's; another name is taken")
        }
    }

    /// Renews the snapshot where its time has come.
    private func keep(_ block: Int, _ states: [SweepStates.Named]) {
        guard let snapshot, let partial else { return }
        snapshot.keep(progress(block, in: partial, seconds: seconds), states) {
            writers.map { OutputSync($0) }
        }
    }

    private func progress(
        _ block: Int, in partial: PartialDirectory, seconds: Double
    ) -> JobProgress {
        JobProgress(
            block: block, seconds: seconds, work: watch.done, sparsities: sparsities,
            choices: plan.choices, outputs: writers.map(\.begun), place: JobProgress.Place(partial))
    }

    /// Of the job so far, in all attempts.
    private var seconds: Double {
        (saved?.progress.seconds ?? 0) + (ContinuousClock.now - start) / .seconds(1)
    }

    /// Takes over the outputs that were begun.
    private mutating func resume(_ saved: SavedJob) throws {
        let progress = saved.progress
        let isSequential = plan.manifest.prune.sequential
        guard let snapshot, progress.outputs.count <= plan.outputs.count,
            progress.block <= plan.blocks,
            isSequential || progress.outputs.count == plan.outputs.count,
            progress.sparsities.count
                == (plan.manifest.prune.allocation == .uniform ? 0 : plan.outputs.count)
        else { throw StaleSnapshot("it does not fit the job") }
        sparsities = progress.sparsities
        if plan.choosesBlocks {
            guard progress.choices.count == plan.outputs.count,
                progress.choices.allSatisfy({ choice in
                    choice.best.map { $0.first >= 0 && $0.first + $0.count <= plan.blocks } ?? false
                })
            else { throw StaleSnapshot("it does not fit the job") }
            plan = try plan.choosing(progress.choices)
        }
        do {
            let partial = try PartialDirectory(
                resuming: progress.place.name, progress.place.identity, id: job.id,
                in: plan.parent, mustBePrivate: job.paths.actsForOthers)
            self.partial = partial
            for (index, (output, begun)) in zip(plan.outputs, progress.outputs).enumerated() {
                let isUnderWay = !isSequential || index == progress.outputs.count - 1
                writers.append(
                    try OutputWriter(
                        resuming: plan, output, in: partial, watch: watch, begun,
                        firstBlock: isUnderWay ? progress.block : plan.blocks))
            }
        } catch {
            if (error as? any Failure)?.exitCode == .tryAgain { throw error }
            let text = (error as? any Failure)?.description ?? "\(error)"
            throw StaleSnapshot("the unfinished output cannot be used: \(text)")
        }
        snapshot.resumption.notify(.resumed(block: progress.block, blocks: plan.blocks))
    }

    /// Cleans up after a failure, but for what another attempt can go on from.
    private mutating func leave(_ error: any Error) throws {
        let isKept = snapshot?.finish() ?? false
        let passes = (error as? any Failure)?.exitCode == .tryAgain
        for writer in writers { writer.leave() }
        if !(isKept && passes) {
            // First the snapshot, so that it never names what is not there.
            try? snapshot?.remove()
            writers = []
            remove(partial)
        }
        writers = []
        partial = nil
        sparsities = []
    }
}
