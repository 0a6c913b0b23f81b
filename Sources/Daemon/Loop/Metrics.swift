import Glibc
import Posix
import Spool

/// Numbers for Prometheus, in its text format, in a file for a collector that reads files.
struct Metrics {
    /// Seconds between two writings.
    private static let interval = 2.0

    let path: String
    private let started = Clock.wall()
    private var written = ""
    private var lastTime = 0.0

    /// In the service manager's runtime directory, which others may enter, else in the spool.
    init(spool: Spool) {
        let directory = getenv("RUNTIME_DIRECTORY").map { String(cString: $0) }
        path = joined(directory ?? spool.path, Layout.Spool.metrics)
    }

    /// Writes the file anew where a number has changed, not too often. For display only: where
    /// there is no room, it grows old.
    /// - Returns: the seconds until it may be written again; nil where it is up to date.
    @discardableResult
    mutating func write(_ status: DaemonStatus, to spool: Spool, isLast: Bool = false) -> Double? {
        let now = Clock.boot()
        let text = Self.text(status, started: started)
        guard text != written else { return nil }
        let age = now - lastTime
        guard isLast || age >= Self.interval else { return Self.interval - age }
        lastTime = now
        written = text
        do throws(SystemError) {
            try spool.put(Array(text.utf8), path, durable: false)
            // Whoever collects is not of this account.
            _ = chmod(path, 0o644)
        } catch {
            written = ""
        }
        return nil
    }

    /// - Parameter started: Unix time in seconds.
    static func text(_ status: DaemonStatus, started: Double) -> String {
        var text = ""
        func add(_ name: String, _ kind: String, _ help: String, _ lines: [(String, String)]) {
            text += "# HELP stade_\(name) \(help)\n# TYPE stade_\(name) \(kind)\n"
            for (labels, value) in lines { text += "stade_\(name)\(labels) \(value)\n" }
        }
        add(
            "start_time_seconds", "gauge", "Unix time at which the daemon started.",
            [("", decimal(started, 0))])
        add(
            "jobs", "gauge", "Jobs that wait or run.",
            [
                ("{state=\"queued\"}", "\(status.queued)"),
                ("{state=\"active\"}", "\(status.running.count)"),
                ("{state=\"deferred\"}", "\(status.deferred)"),
            ])
        add(
            "inbox_waiting", "gauge", "Manifests known to wait in the inbox, by what for.",
            WaitingManifests.Reason.allCases.map { reason in
                let count = status.waiting.reduce(0) {
                    $0 + ($1.reason == reason ? $1.count : 0)
                }
                return ("{reason=\"\(reason.rawValue)\"}", "\(count)")
            })
        add(
            "disk_low", "gauge", "1 where no manifests are taken: the spool's disk is nearly full.",
            [("", status.shortage == nil ? "0" : "1")])
        add(
            "events_total", "counter", "What happened since the daemon started.",
            Message.allCases.map {
                ("{event=\"\($0.label)\"}", "\(status.events[$0, default: 0])")
            })
        add(
            "healthy", "gauge", "1 where the inbox is watched and the spool can be written.",
            [("", status.trouble == nil ? "1" : "0")])
        add(
            "drained", "gauge", "1 where no job is started until 'stadectl drain --off'.",
            [("", status.isDrained ? "1" : "0")])
        add(
            "job_progress_ratio", "gauge", "How much of a running job's work is done.",
            status.running.sorted { $0.id < $1.id }.compactMap { job in
                job.progress.map { ("{job=\"\(job.id)\"}", decimal($0.fraction, 3)) }
            })
        return text
    }
}

extension Message {
    /// `job_queued` for `jobQueued`.
    fileprivate var label: String {
        "\(self)".map { $0.isUppercase ? "_" + $0.lowercased() : String($0) }.joined()
    }
}
