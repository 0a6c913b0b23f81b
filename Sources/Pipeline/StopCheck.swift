import Glibc

/// Whether a job has to end: asked to, or out of time.
struct StopCheck: Sendable {
    let isStopped: @Sendable () -> Bool
    let name: String
    private let limit: Int?
    private let start: Int

    /// - Parameter limit: in seconds; nil: none.
    init(name: String, limit: Int?, isStopped: @escaping @Sendable () -> Bool) {
        self.name = name
        self.limit = limit
        self.isStopped = isStopped
        start = Self.now()
    }

    /// - Throws: `Stopped`, or `PlanError.timeLimit`.
    func check() throws {
        if isStopped() { throw Stopped() }
        if let limit, Self.now() - start >= limit {
            throw PlanError(place: name, reason: .timeLimit(seconds: limit))
        }
    }

    /// Seconds of CLOCK_BOOTTIME, which counts while the machine sleeps and which nobody can set.
    private static func now() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return time.tv_sec
    }
}
