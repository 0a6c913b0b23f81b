extension Plan {
    /// The job's work in tokens through a block, for progress: two passes of the calibration for
    /// each output, or one for all, one for a survey, and one of the evaluation for each model.
    var expectedWork: Int {
        let passes = manifest.prune.sequential ? 2 * outputs.count : 1
        let calibration = (calibration?.tokens.count ?? 0) * passes
        let evaluation = (evaluation?.tokens ?? 0) * (outputs.count + 1)
        return blocks * (calibration + evaluation) + Survey.work(self)
    }
}
