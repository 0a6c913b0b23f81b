/// When Slurm is asked, and whether it answers: a value. Who does not answer is asked ever more
/// seldom.
struct SlurmPace: Sendable {
    /// What is to be said once.
    struct Change: Sendable, Hashable {
        /// nil: there is none any more.
        let trouble: String?
    }

    /// Seconds, between two looks.
    let interval: Double
    private static let urgent = 0.5
    private static let longest = 60.0

    private var next = 0.0
    private var isAsking = false
    /// It is asked once, though nobody has anything there.
    private var isWanted = false
    private var failures = 0
    private var listTrouble: String?
    private var submissionTrouble: String?
    private var nextSubmission = 0.0
    private var submissionFailures = 0

    init(interval: Double) { self.interval = interval }

    var trouble: String? { listTrouble ?? submissionTrouble }

    /// It was asked, or is to be asked though nobody has anything there.
    var isWaiting: Bool { isAsking || isWanted || trouble != nil }

    /// Something has changed: it is asked at once, unless it does not answer.
    mutating func hurry() {
        isWanted = true
        if listTrouble == nil { next = 0 }
    }

    /// - Parameter isNeeded: somebody wants to know.
    func isDue(_ now: Double, isNeeded: Bool) -> Bool {
        !isAsking && (isNeeded || isWaiting) && now >= next
    }

    mutating func begin() { isAsking = true }

    mutating func succeed(_ now: Double, isUrgent: Bool) -> Change? {
        (isAsking, isWanted) = (false, false)
        failures = 0
        next = now + (isUrgent ? min(interval, Self.urgent) : interval)
        return changing { $0.listTrouble = nil }
    }

    mutating func fail(_ text: String, _ now: Double) -> Change? {
        isAsking = false
        next = now + wait(failures)
        failures += 1
        return changing { $0.listTrouble = text }
    }

    func maySubmit(_ now: Double) -> Bool { now >= nextSubmission }

    mutating func failSubmission(_ text: String, _ now: Double) -> Change? {
        nextSubmission = now + wait(submissionFailures)
        submissionFailures += 1
        return changing { $0.submissionTrouble = text }
    }

    mutating func succeedSubmission() -> Change? {
        (submissionFailures, nextSubmission) = (0, 0)
        return changing { $0.submissionTrouble = nil }
    }

    private func wait(_ failures: Int) -> Double {
        min(interval * Double(1 << min(failures, 10)), Self.longest)
    }

    /// Said where it begins and where it ends, not each time.
    private mutating func changing(_ body: (inout SlurmPace) -> Void) -> Change? {
        let before = trouble
        body(&self)
        return (before == nil) == (trouble == nil) ? nil : Change(trouble: trouble)
    }
}
