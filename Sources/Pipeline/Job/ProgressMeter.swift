import Synchronization

/// Turns work done into progress, a few times a second.
final class ProgressMeter: Sendable {
    private struct State {
        var done = 0
        var block: Int?
        var blockTokens = 0
        var blockStart = ContinuousClock.now
        var lastReport: ContinuousClock.Instant?
        var phase = Progress.Phase.reading
    }

    private let state = Mutex(State())
    private let start = ContinuousClock.now
    /// In tokens through a block.
    private let total: Int
    private let blocks: Int
    /// What an earlier attempt had done already.
    private let initial: Int
    private let report: @Sendable (Progress) -> Void

    init(
        total: Int, done: Int, blocks: Int, report: @escaping @Sendable (Progress) -> Void
    ) {
        self.total = max(1, total)
        self.blocks = blocks
        self.report = report
        initial = done
        state.withLock { $0.done = done }
    }

    /// In tokens through a block, so far.
    var done: Int { state.withLock { $0.done } }

    /// Adds work; reports at most five times a second but for a new block or phase.
    ///
    /// - Parameter output: what tells the output under way from the job's others.
    func advance(
        _ tokens: Int, phase: Progress.Phase, block: Int?,
        output: (method: String?, sparsity: Double?)
    ) {
        let now = ContinuousClock.now
        let progress: Progress? = state.withLock { state in
            state.done += tokens
            let isNew = state.block != block || state.phase != phase
            if state.block != block {
                state.block = block
                state.blockTokens = 0
                state.blockStart = now
            }
            state.blockTokens += tokens
            state.phase = phase
            if let last = state.lastReport, !isNew, now - last < .milliseconds(200) { return nil }
            state.lastReport = now
            var progress = Progress(
                phase: phase, blocks: blocks, fraction: min(1, Double(state.done) / Double(total)))
            progress.block = block
            progress.method = output.method
            progress.sparsity = output.sparsity
            let inBlock = (now - state.blockStart) / .seconds(1)
            if state.blockTokens > 0, inBlock > 0 {
                progress.tokensPerSecond = Double(state.blockTokens) / inBlock
            }
            let elapsed = (now - start) / .seconds(1)
            if state.done > initial {
                let left = max(0, total - state.done)
                progress.secondsLeft = elapsed * Double(left) / Double(state.done - initial)
            }
            return progress
        }
        if let progress { report(progress) }
    }
}
