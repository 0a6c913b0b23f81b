extension Plan {
    /// The job's work in tokens through a block, for progress: two passes of the calibration for
    /// each output (by stages one, and what is compared), or one for all, one for a survey, and one
    /// of the evaluation for each model.
    var expectedWork: Int {
        let tokens = calibration?.tokens.count ?? 0
        let compared = Sweep.comparedSequences(calibration) * (calibration?.length ?? 0)
        let calibration =
            switch manifest.prune.order {
            case .dense: tokens
            case .blocks: 2 * tokens * outputs.count
            case .stages: (tokens + compared + (keepsDense ? tokens : 0)) * outputs.count
            }
        let evaluation = (evaluation?.tokens ?? 0) * (outputs.count + 1)
        return blocks * (calibration + evaluation) + Survey.work(self)
    }
}
