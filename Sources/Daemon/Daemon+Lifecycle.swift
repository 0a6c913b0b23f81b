import Glibc
import Manifests
import Posix
import Spool

extension Daemon {
    func recover() throws {
        let found = try spool.recover(roots)
        for warning in found.warnings { journal.write(JournalEntry(.warning, warning)) }
        for record in found.finished { announce(record, spool.outputs(record)) }
        for record in found.failed {
            journal.write(
                JournalEntry(
                    .error, "\(record.name) has failed: \(record.reason ?? "unknown")", .jobFailed,
                    about: record))
        }
        for record in found.requeued {
            journal.write(
                JournalEntry(
                    .warning, "\(record.name) is queued again: \(record.reason ?? "unknown")",
                    .jobRetried, about: record))
        }
        held = [:]
        for uid in found.held { held[uid, default: 0] += 1 }
        queued = found.queued.map(bounded).sorted(by: JobRecord.precedes)
        // What was in the way may be gone.
        deferred = found.deferred.map { Deferral(record: $0, due: Clock.boot()) }
    }

    /// What an earlier daemon had no time to remove: see `cleanUp`.
    func cleanUpFinished() {
        for state in JobState.allCases where state.isFinished {
            for id in (try? spool.identifiers(state)) ?? [] {
                guard let record = try? spool.record(id, state), !spool.hasCheckpoint(record)
                else { continue }
                cleanUp(after: record)
            }
        }
    }

    /// Without them workers are still bound by their own limits.
    func takeControlGroups() {
        guard let path = options.controlGroup ?? ControlGroups.delegated else { return }
        do throws(SystemError) {
            controlGroups = try ControlGroups(path)
        } catch {
            journal.write(
                JournalEntry(.warning, "\(error); workers get no control groups of their own"))
        }
    }

    /// Reads the configuration anew; a wrong one changes nothing.
    /// - Returns: what is wrong; nil where the new one holds.
    @discardableResult
    package func reload() -> String? {
        supervisor.reloading()
        defer {
            requestTurn()
            supervisor.ready(status)
        }
        do {
            let bytes = try readFile(options.configurationFile, limit: 1 << 20)
            let new = try Configuration.read(bytes, file: options.configurationFile)
            if new.spool != configuration.spool {
                journal.write(
                    JournalEntry(
                        .warning, "the spool stays \(spool.path) until the daemon is restarted"))
            }
            try keepConfiguration(bytes)
            let isElsewhere = new.inbox != configuration.inbox
            configuration = new
            configuration.spool = spool.path
            queued = queued.map(bounded).sorted(by: JobRecord.precedes)
            journal.setLevel(new.log)
            if isElsewhere {
                watch = nil
                spool = Spool(path: spool.path, inbox: new.inbox)
                inbox = Inbox(spool)
            }
            journal.write(JournalEntry(.notice, "the configuration was read anew", .reloaded))
            return nil
        } catch {
            let text = "\(error); the old configuration stays"
            journal.write(JournalEntry(.error, text, .reloadRefused))
            return text
        }
    }

    func beginStop() {
        guard !isStopping else { return }
        isStopping = true
        watch = nil
        supervisor.stopping("stopping")
        supervisor.extend(seconds: Int(options.grace) + 30)
        for worker in running.values { worker.end(.daemonStops, grace: options.grace) }
        requestTurn()
    }

    func leaveIfDone() {
        if isStopping, running.isEmpty, ended.isEmpty || failure != nil, timer != nil {
            leave(failure ?? .done)
        }
    }

    /// For systemctl status.
    var status: String {
        var parts = running.values.sorted { JobRecord.precedes($0.record, $1.record) }.map {
            worker in
            let progress = worker.progress.map { ": \($0.summary)" } ?? ""
            return escaped(worker.record.name, limit: 64) + progress
        }
        if isStopping { parts.insert("stopping", at: 0) }
        if parts.isEmpty { parts.append("idle") }
        if isDrained { parts.append("drained") }
        parts.append("\(queued.count) queued")
        if !deferred.isEmpty { parts.append("\(deferred.count) put off") }
        if let count = waiting.isEmpty ? nil : waiting.reduce(0, { $0 + $1.count }) {
            let isMore = waiting.contains(where: \.hasMore)
            parts.append("\(isMore ? "more than " : "")\(count) wait in the inbox")
        }
        if let shortage { parts.append(shortage) }
        if let trouble = spoolTrouble?.description ?? inboxTrouble { parts.append(trouble) }
        return parts.joined(separator: "; ")
    }
}
