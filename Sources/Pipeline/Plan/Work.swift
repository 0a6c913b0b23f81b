extension Plan {
    /// The job's work in tokens through a block, for progress: two passes of the calibration for
    /// each output (by stages one, and what is compared), or one for all, one more where it goes
    /// through the dense blocks, too, and what tuning takes; one for a survey, and one of the
    /// evaluation for each model.
    var expectedWork: Int {
        let tokens = calibration?.tokens.count ?? 0
        let compared = Sweep.comparedSequences(calibration) * (calibration?.length ?? 0)
        let prune = manifest.prune
        var calibration =
            switch prune.order {
            case .dense: tokens
            case .blocks: 2 * tokens * outputs.count
            case .stages: (tokens + compared) * outputs.count
            }
        if prune.pattern == .blocks, let windows = self.calibration {
            // The calibration goes past each block at most twice, and some of it once before.
            let surveyed = choosesBlocks ? BlockSurvey.windows(model, windows).tokens.count : 0
            calibration += surveyed
        }
        if prune.followsDense { calibration += tokens * outputs.count }
        if let tuning, prune.pattern != .blocks {
            // By stages the tuned block runs on all of the calibration once more, and so does that
            // of a mixture.
            let isAgain = prune.order == .stages || model.configuration.mixture != nil
            let again = isAgain ? tokens : 0
            calibration +=
                (tuning.work(length: self.calibration?.length ?? 0) + again)
                * outputs.count
        }
        let evaluation = (evaluation?.tokens ?? 0) * (outputs.count + 1)
        return blocks * (calibration + evaluation) + Survey.work(self)
    }

    /// How each block is tuned; nil: it is not.
    var tuning: Tuning? {
        guard let settings = manifest.prune.tuning, let calibration else { return nil }
        return Tuning(settings, windows: calibration.count, seed: manifest.calibration?.seed ?? 0)
    }
}
