import Spool

/// One line for whoever operates the daemon.
package struct JournalEntry: Sendable {
    /// As in syslog(3).
    package enum Priority: Int, Sendable, Comparable {
        case critical = 2, error, warning, notice, info, debug

        package static func < (left: Priority, right: Priority) -> Bool {
            left.rawValue < right.rawValue
        }
    }

    package var priority: Priority
    package var text: String
    package var message: Message?
    /// Further fields, in the journal's spelling: `STADE_BLOCK` and the like.
    package var fields: [(name: String, value: String)] = []

    package init(_ priority: Priority, _ text: String, _ message: Message? = nil) {
        self.priority = priority
        self.text = text
        self.message = message
    }

    /// About a job, as it stands now.
    package init(
        _ priority: Priority, _ text: String, _ message: Message? = nil, about job: JobRecord
    ) {
        self.init(priority, text, message)
        fields = [
            ("STADE_JOB_ID", job.id), ("STADE_JOB_NAME", job.name),
            ("STADE_STATE", job.state.rawValue),
        ]
        if let reason = job.reason { fields.append(("STADE_REASON", reason)) }
    }

    package func with(_ name: String, _ value: String?) -> JournalEntry {
        guard let value else { return self }
        var entry = self
        entry.fields.append((name, value))
        return entry
    }
}
