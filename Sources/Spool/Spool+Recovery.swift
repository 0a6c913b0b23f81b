import Glibc
import Posix

extension Spool {
    /// Attempts that may end in a crash; after them the job has failed.
    package static let maximumAttempts = 3

    /// What a start found.
    package struct Recovery: Sendable {
        package var queued: [JobRecord] = []
        package var deferred: [JobRecord] = []
        /// The owners of held jobs, one for each.
        package var held: [UInt32] = []
        /// Jobs that turned out to be done.
        package var finished: [JobRecord] = []
        /// Jobs given up, with `reason`.
        package var failed: [JobRecord] = []
        /// Jobs whose attempt was lost and that are queued again; also in `queued`.
        package var requeued: [JobRecord] = []
    }

    /// Brings every job that an earlier daemon left into a state from which this one goes on. To be
    /// called once, with the lock held, before the first scan.
    package func recover(_ roots: Roots) throws -> Recovery {
        var result = Recovery()
        try dropLeftovers()
        for id in try identifiers(.active) {
            try awaitWorker(id)
            guard var record = try healthyRecord(id, .active, &result) else { continue }
            record.dropUnfinishedMove()
            try recover(record, roots, &result)
        }
        for id in try identifiers(.queued) {
            guard var record = try healthyRecord(id, .queued, &result) else { continue }
            // Counted, but the crash came before the rename: that attempt never began.
            if record.changes.last?.state == .active {
                record.attempts = max(0, record.attempts - 1)
            }
            result.queued.append(record)
        }
        for id in try identifiers(.deferred) {
            if let record = try healthyRecord(id, .deferred, &result) {
                result.deferred.append(record)
            }
        }
        // A damaged one is told of when it is released.
        result.held = try identifiers(.held).compactMap { try? record($0, .held).uid }
        return result
    }

    private func recover(
        _ record: JobRecord, _ roots: Roots, _ result: inout Recovery
    ) throws {
        var record = record
        if let outputs = try published(record, below: roots) {
            result.finished.append(try finish(record, outputs))
            return
        }
        if hasProgressed(record) { record.attempts = min(record.attempts, 1) }
        if record.attempts >= Self.maximumAttempts {
            discardCheckpoint(record)
            record.reason =
                "the daemon or the machine went down during each of \(record.attempts) attempts"
            record.exitCode = ExitCode.software.rawValue
            result.failed.append(try move(record, to: .failed))
        } else {
            record.reason = "the daemon or the machine went down during attempt \(record.attempts)"
            let moved = try move(record, to: .queued)
            // The caller finds it in `queued` when it comes to that directory.
            result.requeued.append(moved)
        }
    }

    /// Removes what a crash left in `tmp/`: all but what belongs to a claim in the inbox, which has
    /// the file's name. Where the inbox is not there nothing is known, and nothing is removed.
    private func dropLeftovers() throws(SystemError) {
        let directory = try File(temporary, O_RDONLY | O_DIRECTORY)
        guard let inbox = try? File(inbox, O_RDONLY | O_DIRECTORY) else { return }
        for entry in try DirectoryEntry.list(directory) {
            guard let name = entry.name, !Inbox.isClaimed(name, inbox) else { continue }
            try removeTree(name, in: directory.descriptor)
        }
    }

    /// The record, or nil after the job was moved to `failed` because its record is damaged: that is
    /// that job's misfortune and nobody else's.
    private func healthyRecord(
        _ id: String, _ state: JobState, _ result: inout Recovery
    ) throws -> JobRecord? {
        do {
            return try record(id, state)
        } catch let error as SystemError where [EMFILE, ENFILE, ENOMEM].contains(error.errno) {
            throw error
        } catch {
            var record = JobRecord(
                id: id, state: state, name: id, file: "\(id).yaml", uid: .max,
                submitted: Clock.wall())
            record.reason = "\(error); submit the manifest again"
            record.exitCode = ExitCode.io.rawValue
            result.failed.append(try move(record, to: .failed))
            return nil
        }
    }

    /// Waits until no worker holds a job's directory. A worker dies with its daemon; this is for the
    /// moment that takes.
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
