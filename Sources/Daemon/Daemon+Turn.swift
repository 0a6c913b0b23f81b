import Dispatch
import Glibc
import Posix
import Spool

extension Daemon {
    /// The longest time between two looks into the inbox, in seconds. Nothing else tells of a mount
    /// over it.
    private static let interval = 10.0

    /// One round of the scheduler: look into the inbox, enforce limits, start what may run.
    func turn() {
        isTurnDue = false
        guard timer != nil else { return }
        // Each on its own: a full disk that keeps manifests out must not keep jobs from ending.
        var trouble: SystemError?
        func attempt(_ step: () throws(SystemError) -> Void) {
            do throws(SystemError) { try step() } catch { trouble = trouble ?? error }
        }
        var next = Self.interval
        checkWorkers()
        attempt { () throws(SystemError) in try settleEnded() }
        if !isStopping {
            attempt { () throws(SystemError) in try scan(&next) }
            attempt { () throws(SystemError) in try resumeDeferred(&next) }
            if !isDrained { attempt { () throws(SystemError) in try startJobs() } }
            attempt { () throws(SystemError) in try pruneHistory() }
            showWaiting(&next)
            reportLeftOut(&next)
            if let due = metrics.write(self) { next = min(next, due) }
            schedule(next)
        }
        if let trouble { spoolFails(trouble) } else { spoolTrouble = nil }
        supervisor.status(status)
        showLife()
        leaveIfDone()
    }

    private func schedule(_ next: Double) {
        var next = next
        if !running.isEmpty { next = min(next, 1) }
        if let watchdog = supervisor.watchdog { next = min(next, watchdog / 3) }
        timer?.schedule(deadline: .now() + max(next, 0.01), leeway: .milliseconds(20))
    }

    private func checkWorkers() {
        let now = Clock.boot()
        for worker in running.values { worker.check(now: now, grace: options.grace) }
        if isStopping {
            supervisor.extend(seconds: Int(options.grace) + 30)
            timer?.schedule(deadline: .now() + 0.5)
        }
    }

    /// A full disk or a lack of descriptors passes; anything else is for the administrator, and a
    /// start finds out what really is on the disk.
    func spoolFails(_ error: SystemError) {
        if error.exitCode == .tryAgain {
            if spoolTrouble?.errno != error.errno {
                journal.write(
                    JournalEntry(.warning, "\(error); waiting until it passes")
                        .with("ERRNO", "\(error.errno)"))
            }
            spoolTrouble = error
            schedule(5)
            return
        }
        journal.write(
            JournalEntry(.critical, "\(error); the spool cannot be relied on, stopping")
                .with("ERRNO", "\(error.errno)"))
        failure = failure ?? error.exitCode
        beginStop()
    }
}
