import CSystemd
import Dispatch
import Glibc
import Manifests
import Posix
import Synchronization

/// Where the daemon says what it does: the journal under systemd, else standard error with the
/// `<N>` prefixes of sd-daemon(3).
///
/// To write never blocks the caller: a queue of its own writes, and what it cannot take is counted
/// and reported, for a journal that hangs must not hang a job.
package final class Journal: Sendable {
    private struct State {
        var entries: [JournalEntry] = []
        var dropped = 0
        var isDraining = false
        var counts: [Message: Int] = [:]
        var quota = JournalQuota()
        var threshold: JournalEntry.Priority
    }

    private static let capacity = 1024
    private let state: Mutex<State>
    private let queue = DispatchQueue(label: "journal")
    private let isNative: Bool

    package init(_ level: Configuration.Level) {
        state = Mutex(State(threshold: level.threshold))
        isNative = Journal.ownsStandardError
    }

    /// Entries less urgent than `level` are left out from now on.
    package func setLevel(_ level: Configuration.Level) {
        state.withLock { $0.threshold = level.threshold }
    }

    /// How often each kind of thing happened, whether it was urgent enough to be written or not.
    var counts: [Message: Int] { state.withLock { $0.counts } }

    /// Writes a line that a user can cause at will, but not without end.
    /// - Parameter count: of so many things.
    func write(_ entry: JournalEntry, of uid: UInt32, count: Int = 1) {
        let isAdmitted = state.withLock { state in
            if state.quota.admits(uid, count: count) { return true }
            if let message = entry.message { state.counts[message, default: 0] += 1 }
            return false
        }
        if isAdmitted { write(entry) }
    }

    /// Says now and then how much users have caused that was left unsaid.
    /// - Returns: seconds until there is more to say; nil: nothing.
    func reportLeftOut() -> Double? {
        let (report, wait) = state.withLock { ($0.quota.report(), $0.quota.wait()) }
        for (uid, count) in report {
            write(
                JournalEntry(
                    .warning,
                    "\(count) further manifests or requests of \(userName(uid)) were refused or "
                        + "warned of in the same way"))
        }
        return wait
    }

    package func write(_ entry: JournalEntry) {
        let mustStart = state.withLock { state in
            if let message = entry.message { state.counts[message, default: 0] += 1 }
            if entry.priority > state.threshold { return false }
            guard state.entries.count < Self.capacity else {
                state.dropped += 1
                return false
            }
            state.entries.append(entry)
            defer { state.isDraining = true }
            return !state.isDraining
        }
        if mustStart { queue.async { self.drain() } }
    }

    /// Waits until all is written, or for a second.
    package func flush() {
        let done = DispatchSemaphore(value: 0)
        queue.async { done.signal() }
        _ = done.wait(timeout: .now() + 1)
    }

    private func drain() {
        while true {
            let (entries, dropped) = state.withLock { state in
                let taken = (state.entries, state.dropped)
                state.entries = []
                state.dropped = 0
                state.isDraining = !taken.0.isEmpty || taken.1 > 0
                return taken
            }
            if entries.isEmpty && dropped == 0 { return }
            for entry in entries { emit(entry) }
            if dropped > 0 {
                emit(
                    JournalEntry(
                        .warning, "\(dropped) messages were lost: the journal did not keep up"))
            }
        }
    }

    private func emit(_ entry: JournalEntry) {
        let text = escaped(entry.text, limit: 4096)
        if isNative {
            send(entry, text)
        } else {
            let line = Array("<\(entry.priority.rawValue)>\(text)\n".utf8)
            _ = line.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
        }
    }

    private func send(_ entry: JournalEntry, _ text: String) {
        var fields = [
            "MESSAGE=\(text)", "PRIORITY=\(entry.priority.rawValue)", "SYSLOG_IDENTIFIER=staded",
        ]
        if let message = entry.message { fields.append("MESSAGE_ID=\(message.rawValue)") }
        fields += entry.fields.map { "\($0.name)=\(escaped($0.value, limit: 4096))" }
        let lengths = fields.map(\.utf8.count)
        var bytes = fields.flatMap(\.utf8)
        bytes.withUnsafeMutableBytes { buffer in
            var start = buffer.baseAddress
            let vectors = lengths.map { length in
                defer { start = start.map { $0 + length } }
                return iovec(iov_base: start, iov_len: length)
            }
            // Nobody is left to tell where this fails.
            _ = sd_journal_sendv(vectors, CInt(vectors.count))
        }
    }

    /// Whether standard error is the journal's stream: `$JOURNAL_STREAM` in systemd.exec(5).
    private static var ownsStandardError: Bool {
        guard let value = getenv("JOURNAL_STREAM") else { return false }
        var status = stat()
        return fstat(STDERR_FILENO, &status) == 0
            && String(cString: value) == "\(status.st_dev):\(status.st_ino)"
    }
}

extension Configuration.Level {
    fileprivate var threshold: JournalEntry.Priority {
        switch self {
        case .debug: .debug
        case .info: .info
        case .warning: .warning
        case .error: .error
        }
    }
}
