import Dispatch
import Posix
import Spool

extension Daemon {
    /// The longest time between two looks into the inbox, in seconds. Nothing else tells of a mount
    /// over it.
    private static let interval = 10.0

    /// One round of the scheduler: look into the inbox, enforce limits, start what may run.
    func turn() {
        dispatchPrecondition(condition: .onQueue(turns.queue))
        // Each on its own: a full disk that keeps manifests out must not keep jobs from ending.
        var trouble: SystemError?
        func attempt(_ step: () throws(SystemError) -> Void) {
            do throws(SystemError) { try step() } catch { trouble = trouble ?? error }
        }
        var next = Self.interval
        checkWorkers()
        attempt { () throws(SystemError) in
            try workers.settleEnded { attempt throws(SystemError) in try jobs.settle(attempt) }
        }
        attempt { () throws(SystemError) in
            try slurm.settleEnded { attempt throws(SystemError) in try jobs.settle(attempt) }
        }
        if !turns.isStopping {
            attempt { () throws(SystemError) in try scan(&next) }
            attempt { () throws(SystemError) in
                if let wait = try jobs.resumeDeferred() { next = min(next, wait) }
            }
            attempt { () throws(SystemError) in try startJobs() }
            attempt { () throws(SystemError) in try pruneHistory() }
            inbox.show(configuration.limits, &next)
            if let wait = journal.reportLeftOut() { next = min(next, max(wait, 1)) }
            if let due = display.metrics.write(status, to: jobs.spool) { next = min(next, due) }
            schedule(next)
        }
        if let trouble { spoolFails(trouble) } else { jobs.trouble = nil }
        display.supervisor.status(status.text)
        display.supervisor.showLife()
        leaveIfDone()
    }

    private func schedule(_ next: Double) {
        var next = next
        if !workers.areGone || slurm.isBusy { next = min(next, 1) }
        if let watchdog = display.supervisor.watchdog { next = min(next, watchdog / 3) }
        turns.schedule(after: next)
    }

    private func checkWorkers() {
        workers.check()
        if !turns.isStopping { slurm.check() }
        if turns.isStopping {
            askForTimeToStop()
            turns.schedule(after: 0.5)
        }
    }

    private func askForTimeToStop() { display.supervisor.extend(seconds: Int(options.grace) + 30) }

    private func pruneHistory() throws(SystemError) {
        let hasMore = try history.prune(jobs.spool, configuration.history) { [weak self] found in
            self?.onQueue { $0.take(found) }
        } leaving: { [weak self] record, manifest in
            self?.onQueue { $0.jobs.cleanUp(after: record, manifest) }
        }
        if hasMore { turns.request() }
    }

    private func take(_ findings: HistoryKeeper.Findings) {
        dispatchPrecondition(condition: .onQueue(turns.queue))
        if history.take(findings) { turns.request() }
    }

    /// Brings what comes from another queue to this one.
    private func onQueue(_ body: @escaping @Sendable (Daemon) -> Void) {
        turns.queue.async { body(self) }
    }

    /// A full disk or a lack of descriptors passes; anything else is for the administrator, and a
    /// start finds out what really is on the disk.
    private func spoolFails(_ error: SystemError) {
        if error.exitCode == .tryAgain {
            if jobs.trouble?.errno != error.errno {
                journal.write(
                    JournalEntry(.warning, "\(error); waiting until it passes")
                        .with("ERRNO", "\(error.errno)"))
            }
            jobs.trouble = error
            schedule(5)
            return
        }
        journal.write(
            JournalEntry(.critical, "\(error); the spool cannot be relied on, stopping")
                .with("ERRNO", "\(error.errno)"))
        beginStop(error.exitCode)
    }

    /// - Parameter failure: why the daemon stops by itself; nil: it was told to.
    func beginStop(_ failure: ExitCode? = nil) {
        dispatchPrecondition(condition: .onQueue(turns.queue))
        guard turns.beginStop(failure) else { return }
        inbox.endWatch()
        display.supervisor.stopping("stopping")
        askForTimeToStop()
        workers.endAll(.daemonStops)
        turns.request()
    }

    /// Jobs that Slurm has go on without the daemon. One that is being handed over is waited for,
    /// but not for long: the next start finds it.
    private var waitsForSlurm: Bool {
        guard slurm.isSubmitting, turns.failure == nil, let begun = turns.stopBegun else {
            return false
        }
        return Clock.boot() - begun < 10
    }

    private func leaveIfDone() {
        guard turns.isStopping, workers.areGone, !waitsForSlurm,
            workers.areSettled && slurm.areSettled || turns.failure != nil
        else { return }
        turns.end()
        display.metrics.write(status, to: jobs.spool, isLast: true)
        inbox.clearBoard()
        jobs.close()
        journal.write(JournalEntry(.notice, "staded has stopped", .daemonStopped))
        journal.flush()
        turns.leave()
    }
}
