import Glibc
import Posix

extension Spool {
    /// Attempts that may end in a crash; after them the job has failed.
    package static let maximumAttempts = 3

    /// What a start found.
    package struct Recovery: Sendable {
        package var queued: [JobRecord] = []
        package var deferred: [JobRecord] = []
        /// Jobs that Slurm may have; they are still active.
        package var away: [JobRecord] = []
        /// The owners of held jobs, one for each.
        package var held: [UInt32] = []
        /// Jobs that turned out to be done.
        package var finished: [JobRecord] = []
        /// Jobs given up, with `reason`.
        package var failed: [JobRecord] = []
        /// Jobs whose attempt was lost and that are queued again; also in `queued`.
        package var requeued: [JobRecord] = []
        /// What is no job's, or cannot be moved, and stays where it is: a line each.
        package var warnings: [String] = []

        /// A directory full of strangers is named by a few of them.
        private static let maximumNames = 20

        mutating func warn(of others: [String]) {
            for other in others.prefix(Self.maximumNames) {
                warnings.append("\(other) is no job's directory and is left alone")
            }
            if others.count > Self.maximumNames {
                warnings.append(
                    "and \(others.count - Self.maximumNames) more there are no jobs' directories")
            }
        }
    }

    /// Brings every job that an earlier daemon left into a state from which this one goes on. To be
    /// called once, with the lock held, before the first scan.
    package func recover(_ roots: Roots) throws -> Recovery {
        var result = Recovery()
        try dropLeftovers(&result)
        var seen: Set<String> = []
        var jobs: [(id: String, state: JobState)] = []
        // All are looked at before any is moved.
        for state in [JobState.active, .queued, .deferred, .held] {
            let (identifiers, others) = try entries(state)
            result.warn(of: others)
            for id in identifiers {
                if seen.insert(id).inserted, !hasEnded(id) {
                    jobs.append((id, state))
                } else {
                    try dropSecond(id, state, &result)
                }
            }
        }
        for (id, state) in jobs {
            guard let record = try healthyRecord(id, state, &result) else { continue }
            try recover(record, roots, &result)
        }
        return result
    }

    private func recover(
        _ record: JobRecord, _ roots: Roots, _ result: inout Recovery
    ) throws {
        var record = record
        switch record.state {
        case .active:
            record.dropUnfinishedMove()
            if record.isAway {
                result.away.append(record)
                return
            }
            try recoverActive(record, roots, &result)
        case .queued:
            // Counted, but the crash came before the rename: that attempt never began.
            if record.changes.last?.state == .active {
                record.attempts = max(0, record.attempts - 1)
            }
            result.queued.append(record)
        case .deferred: result.deferred.append(record)
        case .held: result.held.append(record.uid)
        case .done, .failed: break
        }
    }

    private func recoverActive(
        _ record: JobRecord, _ roots: Roots, _ result: inout Recovery
    ) throws {
        var record = record
        if let outputs = try published(record, below: roots) {
            result.finished.append(try finish(record, outputs))
            return
        }
        if hasProgressed(record) { record.attempts = min(record.attempts, 1) }
        if record.attempts >= Self.maximumAttempts {
            discardSnapshot(record)
            record.reason =
                "the daemon or the machine went down during each of \(record.attempts) attempts"
            record.exitCode = ExitCode.software.rawValue
            result.failed.append(try move(record, to: .failed))
        } else {
            record.reason = "the daemon or the machine went down during attempt \(record.attempts)"
            let moved = try move(record, to: .queued)
            result.requeued.append(moved)
            result.queued.append(moved)
        }
    }

    /// Removes what a crash left in `tmp/`: all but what belongs to a claim in the inbox, which has
    /// the file's name. Where the inbox is not there nothing is known, and nothing is removed.
    private func dropLeftovers(_ result: inout Recovery) throws(SystemError) {
        let directory = try File(temporary, O_RDONLY | O_DIRECTORY)
        guard let inbox = try? File(inbox, O_RDONLY | O_DIRECTORY) else { return }
        for entry in try DirectoryEntry.list(directory) {
            guard let name = entry.name, !Inbox.isClaimed(name, inbox) else { continue }
            do throws(SystemError) {
                try removeTree(name, in: directory.descriptor)
            } catch {
                let path = joined(temporary, displayName(entry.bytes))
                result.warnings.append("\(path) stays: \(error)")
            }
        }
    }

    /// Whether `done/` or `failed/` has a job of that name.
    private func hasEnded(_ id: String) -> Bool {
        JobState.allCases.contains { state in
            var status = stat()
            return state.isFinished && lstat(directory(id, state), &status) == 0
                && status.st_mode & S_IFMT == S_IFDIR
        }
    }

    /// The record, or nil after the job was moved to `failed` because its record is damaged: that
    /// is that job's misfortune and nobody else's.
    private func healthyRecord(
        _ id: String, _ state: JobState, _ result: inout Recovery
    ) throws -> JobRecord? {
        do {
            try openUp(directory(id, state))
            // A worker on another node may hold it as long as it likes.
            if let record = try? record(id, state), record.isAway { return record }
            if state == .active { try awaitWorker(id) }
            return try record(id, state)
        } catch let error as SystemError where error.isShortage {
            throw error
        } catch let error as SpoolError {
            throw error
        } catch {
            let blank = JobRecord(
                id: id, state: state, name: id, file: id + Layout.Inbox.manifestEnding, uid: .max,
                submitted: Clock.wall())
            try giveUp(blank, "\(error); submit the manifest again", &result)
            return nil
        }
    }

    /// Gives up a job that a state further on has already, under a name of its own.
    private func dropSecond(
        _ id: String, _ state: JobState, _ result: inout Recovery
    ) throws {
        do throws(SystemError) {
            guard let name = try setAside(id, state) else { return }
            let known = try? record(in: directory(name, state), id: id, state: state)
            let copy = JobRecord(
                id: name, state: state, name: known?.name ?? id,
                file: known?.file ?? id + Layout.Inbox.manifestEnding,
                uid: known?.uid ?? .max, submitted: known?.submitted ?? Clock.wall())
            let reason =
                "the spool has the job \(id) twice; this one, of \(state.rawValue)/, is not run"
            try giveUp(copy, reason, &result)
        } catch {
            try note(error, about: directory(id, state), &result)
        }
    }

    /// Moves a job that cannot be run to `failed`; where that cannot be done either, it stays.
    private func giveUp(
        _ record: JobRecord, _ reason: String, _ result: inout Recovery
    ) throws(SystemError) {
        var record = record
        record.reason = reason
        record.exitCode = ExitCode.io.rawValue
        do throws(SystemError) {
            result.failed.append(try move(record, to: .failed))
        } catch {
            try note(error, about: directory(record.id, record.state), &result)
        }
    }

    /// What is short now is there later, and the start is tried again; anything else stays.
    private func note(
        _ error: SystemError, about path: String, _ result: inout Recovery
    ) throws(SystemError) {
        if error.isShortage { throw error }
        result.warnings.append("\(path) is left where it is, and its job is not run: \(error)")
    }

    /// Makes sure that this process may read and change a job's directory.
    private func openUp(_ path: String) throws(SystemError) {
        var status = stat()
        if lstat(path, &status) != 0 { throw SystemError("look at", path) }
        try makeMovable(path, status)
        if access(path, R_OK | W_OK | X_OK) != 0 { throw SystemError("change", path) }
    }

    /// Waits until no worker holds a job's directory. A worker dies with its daemon; this is for
    /// the moment that takes.
    private func awaitWorker(_ id: String) throws {
        let directory = try File(directory(id, .active), O_RDONLY | O_DIRECTORY)
        for _ in 0..<500 {
            if flock(directory.descriptor, LOCK_EX | LOCK_NB) == 0 { return }
            guard errno == EWOULDBLOCK || errno == EINTR else {
                throw SystemError("lock", directory.path)
            }
            usleep(10_000)
        }
        throw SpoolError(path: directory.path, reason: .stillRunning)
    }
}

extension SystemError {
    /// This process or the machine is short of something, which has nothing to do with the file.
    fileprivate var isShortage: Bool { [EMFILE, ENFILE, ENOMEM].contains(errno) || isNoSpace }
}
