/// A running job as it is seen by what computes for it: whether to stop, what to show, what was
/// done. Any thread may use it.
package struct Watch: Sendable {
    private let stop: StopCheck
    private let meter: ProgressMeter

    package init(_ stop: StopCheck, _ meter: ProgressMeter) {
        self.stop = stop
        self.meter = meter
    }

    /// To be called often.
    /// - Throws: `Stopped`, or `PlanError.timeLimit`.
    func checkStop() throws { try stop.checkStop() }

    /// What is done from now on.
    ///
    /// - Parameters:
    ///   - block: nil: nothing with a block.
    ///   - label: of the output under way; nil: something for all outputs.
    func progress(_ phase: Progress.Phase, block: Int?, _ label: OutputLabel?) {
        meter.enter(phase, block: block, label)
    }

    /// So many tokens have gone through a block.
    func did(_ tokens: Int) { meter.did(tokens) }

    /// Tokens through a block so far, in all of the job's attempts.
    var done: Int { meter.done }
}
