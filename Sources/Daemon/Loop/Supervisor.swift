import CSystemd
import Glibc
import Posix
import Spool

/// What the service manager is told: sd_notify(3). Without `NOTIFY_SOCKET` all of it is silence.
struct Supervisor {
    /// Seconds between two signs of life that the manager demands; nil: none. `WATCHDOG_USEC`.
    let watchdog: Double?
    private var lastSignOfLife = 0.0

    init() {
        var microseconds: UInt64 = 0
        watchdog =
            sd_watchdog_enabled(0, &microseconds) > 0 ? Double(microseconds) / 1e6 : nil
    }

    func ready(_ status: String) { send("READY=1\nSTATUS=\(escaped(status))") }

    func status(_ text: String) { send("STATUS=\(escaped(text))") }

    /// The reload ends with `ready`.
    func reloading() {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        send("RELOADING=1\nMONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1000)")
    }

    func stopping(_ status: String) { send("STOPPING=1\nSTATUS=\(escaped(status))") }

    /// Asks for more time to stop or start.
    func extend(seconds: Int) { send("EXTEND_TIMEOUT_USEC=\(seconds * 1_000_000)") }

    /// Tells the manager that the scheduler got through a turn: a sign of life that a bare timer
    /// would give even where nothing moves any more.
    mutating func showLife(_ now: Double = Clock.boot()) {
        guard let watchdog, now - lastSignOfLife >= watchdog / 4 else { return }
        lastSignOfLife = now
        send("WATCHDOG=1")
    }

    private func send(_ text: String) { _ = sd_notify(0, text) }
}
