import Pipeline

extension Watch {
    /// Of a computation that nobody stops or follows.
    static let nobody = Watch(
        StopCheck(name: "", limit: nil, isStopped: { false }),
        ProgressMeter(total: 0, done: 0, blocks: 0, report: { _ in }))
}
