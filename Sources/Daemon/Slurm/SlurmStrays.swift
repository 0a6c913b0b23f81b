import Spool

/// Jobs of Slurm's that bear names of this spool's jobs and that nobody follows any more: a crash
/// may have come between an sbatch that was late and the next one. Their workers end by themselves;
/// those that wait still take a place.
struct SlurmStrays: Sendable {
    /// Seconds for which one must have been seen: a job that has just ended is no stray.
    private static let patience = 20.0

    /// Since when each has been seen, on `Clock.boot`.
    private var seen: [Int: Double] = [:]

    /// - Parameter jobs: those that are followed.
    /// - Returns: Slurm's numbers of those that are to be ended, each once.
    mutating func look(
        at listing: SlurmListing, _ jobs: [String: SlurmJob], _ now: Double
    ) -> [Int] {
        var strays: [Int: Double] = [:]
        var result: [Int] = []
        for entry in listing.entries where !entry.state.isEnded {
            // Of jobs that this daemon does not know another one may be in charge.
            guard let (id, count) = SlurmListing.parts(entry.name), let job = jobs[id],
                let own = job.record.submission?.count, count < own
            else { continue }
            let since = seen[entry.number] ?? now
            strays[entry.number] = since
            if since.isFinite, now - since >= Self.patience {
                result.append(entry.number)
                strays[entry.number] = .infinity
            }
        }
        seen = strays
        return result
    }
}
