import Glibc
import Manifests
import Posix

/// What is known of the finished jobs on the disk, to choose those that go: read once and again
/// only where it has changed, away from the scheduler's queue, for there may be a million of them.
package struct FinishedJobs: Sendable {
    /// One job's directory in `done/` or `failed/`.
    package struct Entry: Sendable, Hashable {
        package let id: String
        package let state: JobState
        /// `UInt32.max` where its record cannot be read.
        package let uid: UInt32
        /// When its directory last changed, in seconds and nanoseconds: another time, another job.
        package let changed: [Int]
        /// Unix time in seconds.
        package let ended: Double
        /// A worker was started for it.
        package let hasRun: Bool
        /// It keeps what a retry would go on from.
        package let hasSnapshot: Bool
    }

    /// What a history bounds away.
    package struct Excess: Sendable {
        package var jobs: [Entry] = []
        /// Jobs that stay without their snapshots.
        package var snapshots: [Entry] = []

        package init(jobs: [Entry] = [], snapshots: [Entry] = []) {
            self.jobs = jobs
            self.snapshots = snapshots
        }

        package var isEmpty: Bool { jobs.isEmpty && snapshots.isEmpty }

        /// The first `count` of both together.
        package mutating func removeFirst(_ count: Int) -> Excess {
            let first = Excess(
                jobs: Array(jobs.prefix(count)),
                snapshots: Array(snapshots.prefix(count - min(count, jobs.count))))
            jobs.removeFirst(first.jobs.count)
            snapshots.removeFirst(first.snapshots.count)
            return first
        }
    }

    private var entries: [String: Entry] = [:]
    private var versions: [JobState: [Int]] = [:]
    /// What lies in both directories and is no job's, as a log may show it.
    package private(set) var others: [String] = []

    private static let maximumOthers = 100

    package init() {}

    package var count: Int { entries.count }

    /// Looks at both directories, where anything has come or gone since the last time.
    package mutating func look(at spool: Spool) throws(SystemError) {
        for state in JobState.allCases where state.isFinished {
            let directory = try File(spool.directory(state), O_RDONLY | O_DIRECTORY)
            let version = try Spool.changed(directory.status())
            // Within the clock's grain something may still change unseen.
            if versions[state] == version, Clock.wall() - Double(version[0]) > 1 { continue }
            let (identifiers, strange) = try spool.entries(state)
            var seen: Set<String> = []
            for id in identifiers {
                var status = stat()
                if lstat(spool.directory(id, state), &status) != 0 { continue }
                seen.insert(id)
                if let known = entries[id], known.state == state,
                    known.changed == Spool.changed(status)
                {
                    continue
                }
                entries[id] = Entry(id, state, status, spool)
            }
            entries = entries.filter { $0.value.state != state || seen.contains($0.key) }
            others.removeAll { $0.hasPrefix(spool.directory(state) + "/") }
            others += strange.prefix(Self.maximumOthers)
            versions[state] = version
        }
    }

    /// Jobs and snapshots beyond what `history` keeps. What one user leaves behind never takes the
    /// place of what another has, as long as that is no more than everybody's equal share; and what
    /// never ran takes the place of nothing that did.
    package func excess(_ history: Configuration.History, now: Double) -> Excess {
        let all = entries.values.sorted {
            $0.ended != $1.ended ? $0.ended > $1.ended : $0.id > $1.id
        }
        var result = Excess()
        var kept: [Entry] = []
        for hasRun in [true, false] {
            var byUser: [UInt32: [Entry]] = [:]
            for entry in all where entry.hasRun == hasRun {
                if now - entry.ended > Double(history.age) {
                    result.jobs.append(entry)
                } else {
                    byUser[entry.uid, default: []].append(entry)
                }
            }
            let bound = hasRun ? history.jobsPerUser : history.rejected
            let room = Self.shares(byUser.mapValues { min($0.count, bound) }, of: history.jobs)
            for (uid, entries) in byUser {
                kept += entries.prefix(room[uid] ?? 0)
                result.jobs += entries.dropFirst(room[uid] ?? 0)
            }
        }
        var snapshots: [UInt32: Int] = [:]
        for entry in kept.sorted(by: { $0.ended > $1.ended }) where entry.hasSnapshot {
            snapshots[entry.uid, default: 0] += 1
            if snapshots[entry.uid, default: 0] > history.snapshots {
                result.snapshots.append(entry)
            }
        }
        return result
    }

    /// Shares out `total` places: nobody gets more than he has use for, and whoever gets less has
    /// as many as anybody, give or take one.
    static func shares(_ wanted: [UInt32: Int], of total: Int) -> [UInt32: Int] {
        var result: [UInt32: Int] = [:]
        var left = max(0, total)
        let order = wanted.sorted { $0.value != $1.value ? $0.value < $1.value : $0.key < $1.key }
        for (index, user) in order.enumerated() {
            let share = min(user.value, left / (order.count - index))
            result[user.key] = share
            left -= share
        }
        return result
    }
}

extension FinishedJobs.Entry {
    fileprivate init(_ id: String, _ state: JobState, _ status: stat, _ spool: Spool) {
        self.id = id
        self.state = state
        changed = Spool.changed(status)
        let record = try? spool.record(id, state)
        uid = record?.uid ?? .max
        // The directory was last changed when its state.json was written for the last time, or when
        // something was taken out of it.
        ended = min(Double(status.st_mtim.tv_sec), record?.since ?? .infinity)
        hasRun =
            state == .done
            || record.map { $0.attempts > 0 || $0.changes.contains { $0.state == .active } }
                ?? false
        hasSnapshot = state == .failed && record.map { spool.hasSnapshot($0) } ?? false
    }
}
