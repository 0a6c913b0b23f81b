import Spool

/// A job that waits for better times.
struct Deferral: Sendable, Hashable {
    let record: JobRecord
    /// On `Clock.boot`.
    let due: Double
}
