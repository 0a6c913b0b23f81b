import CLinux
import Glibc
import Posix

extension Spool {
    /// Moves a job into another state: writes `state.json`, then one rename, then fsync of both
    /// parents. A crash leaves the job in the one or the other state, whole.
    ///
    /// On a full disk a job can still be moved anywhere but to `active`, without the note in
    /// `state.json`: to count an attempt before it starts is what keeps a job that takes the
    /// machine down from doing so for ever.
    package func move(
        _ record: JobRecord, to state: JobState, at time: Double = Clock.wall()
    ) throws(SystemError) -> JobRecord {
        let old = directory(record.id, record.state)
        var record = record
        let source = record.state
        record.enter(state, at: time)
        do throws(SystemError) {
            if state == .failed, let reason = record.reason {
                try put(Array((reason + "\n").utf8), joined(old, Layout.Job.reason))
            }
            try write(record, in: old)
        } catch {
            guard error.isNoSpace, state != .active else { throw error }
        }
        // Put there by nobody but a mistake; the job must not stay where it is for that.
        try setAside(record.id, state)
        try renameDurably(old, directory(record.id, state), directory(source), directory(state))
        return record
    }

    /// rename(2) of a job's directory that never replaces another, then fsync(2) of both parents.
    ///
    /// Where it throws because something is short, nothing has changed: whoever tries again finds
    /// what was there before.
    func renameDurably(
        _ old: String, _ new: String, _ first: String, _ second: String
    ) throws(SystemError) {
        // Opened before, for afterwards it would be too late to have no descriptor.
        let from = try File(first, O_RDONLY | O_DIRECTORY)
        let to = try File(second, O_RDONLY | O_DIRECTORY)
        if stade_renameat2(AT_FDCWD, old, AT_FDCWD, new, 1) != 0 {
            throw SystemError("rename", old)
        }
        do throws(SystemError) {
            try from.sync()
            try to.sync()
        } catch {
            // After any other failure nothing more is done with this spool until a new start.
            if error.isNoSpace { _ = stade_renameat2(AT_FDCWD, new, AT_FDCWD, old, 1) }
            throw error
        }
    }
}

extension SystemError {
    /// The disk or the quota is full.
    package var isNoSpace: Bool { errno == ENOSPC || errno == EDQUOT }
}
