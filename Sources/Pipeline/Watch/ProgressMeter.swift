import Synchronization

/// Turns work done into progress, a few times a second.
package final class ProgressMeter: Sendable {
    private struct State {
        var done = 0
        var block: Int?
        var blockTokens = 0
        var blockStart = ContinuousClock.now
        var lastReport: ContinuousClock.Instant?
        var phase = Progress.Phase.reading
        var label: OutputLabel?
    }

    private let state = Mutex(State())
    private let start = ContinuousClock.now
    /// In tokens through a block.
    private let total: Int
    private let blocks: Int
    /// What an earlier attempt had done already.
    private let initial: Int
    private let report: @Sendable (Progress) -> Void

    /// - Parameters:
    ///   - total: of the whole job, in tokens through a block.
    ///   - done: of them in earlier attempts.
    package init(
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

    /// What is under way from now on.
    ///
    /// - Parameter label: what tells the output under way from the job's others.
    func enter(_ phase: Progress.Phase, block: Int?, _ label: OutputLabel?) {
        let now = ContinuousClock.now
        let progress: Progress? = state.withLock { state in
            let isNew = state.block != block || state.phase != phase
            if state.block != block {
                state.block = block
                state.blockTokens = 0
                state.blockStart = now
            }
            state.phase = phase
            state.label = label
            return isNew ? shown(&state, now) : nil
        }
        if let progress { report(progress) }
    }

    /// Adds tokens that went through a block; reports at most five times a second.
    func did(_ tokens: Int) {
        let now = ContinuousClock.now
        let progress: Progress? = state.withLock { state in
            state.done += tokens
            state.blockTokens += tokens
            if let last = state.lastReport, now - last < .milliseconds(200) { return nil }
            return shown(&state, now)
        }
        if let progress { report(progress) }
    }

    private func shown(_ state: inout State, _ now: ContinuousClock.Instant) -> Progress {
        state.lastReport = now
        var progress = Progress(
            phase: state.phase, blocks: blocks,
            fraction: min(1, Double(state.done) / Double(total)))
        progress.block = state.block
        progress.method = state.label?.method
        progress.sparsity = state.label?.sparsity
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
}
