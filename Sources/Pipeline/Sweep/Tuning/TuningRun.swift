import Glibc
import Transformer

/// The passes of an optimiser over the calibration, for one block.
struct TuningRun {
    /// Tokens of a step, about; one window at least.
    private static let stepTokens = 1024
    /// Tokens whose loss is measured at a time, so that a stop is seen soon.
    private static let measuredTokens = 4096
    /// After so many passes without a smaller loss on what is held out there are no more.
    private static let patience = 3

    let tuner: BlockTuner
    private let streams: TuningStreams
    private let tuning: Tuning
    /// Tokens of a window.
    private let length: Int
    private let watch: Watch
    private var generator: SplitMix64

    init(
        _ tuner: BlockTuner, _ streams: TuningStreams, _ tuning: Tuning, length: Int, seed: UInt64,
        watch: Watch
    ) {
        self.tuner = tuner
        self.streams = streams
        self.tuning = tuning
        self.length = length
        self.watch = watch
        generator = SplitMix64(seed: seed)
    }

    /// - Returns: what was reached, and how many tokens went through the block for it, one that
    ///   goes there and back as three.
    mutating func run() throws -> (outcome: TuningOutcome, tokens: Int) {
        let before = try heldOutLoss()
        var (least, best) = (before, 0)
        var done = tuning.split.heldOut.count
        for pass in 1...tuning.settings.passes {
            let isFinite = try step(pass)
            let loss = try heldOutLoss()
            done += 3 * tuning.split.training.count + tuning.split.heldOut.count
            // A NaN is not less than anything.
            if loss < least {
                (least, best) = (loss, pass)
                try tuner.keep()
            }
            if !isFinite || pass - best >= Self.patience { break }
        }
        // For progress, as if all passes had been.
        watch.did(tuning.work(length: length) - done * length)
        return (TuningOutcome(before: before, after: least, passes: best), done * length)
    }

    /// One pass over the windows, in an order of its own.
    /// - Returns: whether all losses were numbers.
    private mutating func step(_ pass: Int) throws -> Bool {
        var windows = tuning.split.training
        for last in stride(from: windows.count - 1, to: 0, by: -1) {
            windows.swapAt(last, generator.below(UInt64(last + 1)))
        }
        let batches = batches(windows, tokens: Self.stepTokens)
        let total = Double(batches.count * tuning.settings.passes)
        for (index, batch) in batches.enumerated() {
            try watch.checkStop()
            let part = Double((pass - 1) * batches.count + index) / total
            let loss = try tuner.step(
                batch, streams, rate: tuning.settings.rate * (1 + cos(.pi * part)) / 2)
            watch.did(3 * batch.count * length)
            if !loss.isFinite { return false }
        }
        return true
    }

    /// Of the weights rounded as they are written.
    private func heldOutLoss() throws -> Double {
        let batches = batches(tuning.split.heldOut, tokens: Self.measuredTokens)
        let sum = try batches.reduce(0) { sum, batch in
            try watch.checkStop()
            let loss = try tuner.loss(batch, streams)
            watch.did(batch.count * length)
            return sum + loss * Double(batch.count)
        }
        return sum / Double(tuning.split.heldOut.count)
    }

    private func batches(_ windows: [Int], tokens: Int) -> [[Int]] {
        let size = max(1, tokens / length)
        return stride(from: 0, to: windows.count, by: size).map {
            Array(windows[$0..<min($0 + size, windows.count)])
        }
    }
}
