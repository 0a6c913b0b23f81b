import Glibc

/// Whether a job has to end: asked to, or out of time.
package struct StopCheck: Sendable {
    private let isStopped: @Sendable () -> Bool
    private let name: String
    /// In seconds.
    private let limit: Int?
    private let start: Duration

    /// - Parameters:
    ///   - name: of the job.
    ///   - limit: in seconds; nil: none.
    ///   - isStopped: polled from any thread.
    package init(name: String, limit: Int?, isStopped: @escaping @Sendable () -> Bool) {
        self.name = name
        self.limit = limit
        self.isStopped = isStopped
        start = Self.now()
    }

    /// - Throws: `Stopped`, or `PlanError.timeLimit`.
    func checkStop() throws {
        if isStopped() { throw Stopped() }
        if let limit, Self.now() - start >= .seconds(limit) {
            throw PlanError(place: name, reason: .timeLimit(seconds: limit))
        }
    }

    /// CLOCK_BOOTTIME, which counts while the machine sleeps and which nobody can set.
    private static func now() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
}
