import CLinux
import Glibc
import Manifests
import Posix

extension Spool {
    /// What was taken out of the history and is still to be removed.
    package struct Removal: Sendable {
        package let path: String
        package let job: FinishedJobs.Entry
        fileprivate let manifestDirectory: String

        /// The job itself, not only its snapshot.
        package var isWhole: Bool { path == manifestDirectory }
    }

    /// The manifest of a job whose snapshot is to go, and with it an unfinished output; nil where
    /// there is none or it cannot be read. To be asked before anything is removed.
    package func manifest(of removal: Removal) -> Manifest? {
        let job = removal.job
        guard job.hasSnapshot else { return nil }
        return try? manifest(record(of: removal), in: removal.manifestDirectory)
    }

    /// As much of its record as cleaning up needs.
    package func record(of removal: Removal) -> JobRecord {
        let job = removal.job
        return JobRecord(
            id: job.id, state: job.state, name: job.id, file: job.id + Layout.Inbox.manifestEnding,
            uid: job.uid,
            submitted: job.ended)
    }

    /// Takes jobs or snapshots out of the history, in one step each: a crash leaves it whole or in
    /// `tmp`, which a start clears. What has changed since it was looked at stays. What is taken
    /// out is still to be removed: `removeTree`, for which there is no hurry.
    ///
    package func takeOut(_ excess: FinishedJobs.Excess) throws(SystemError) -> [Removal] {
        var passing: [Removal] = []
        for entry in excess.jobs {
            guard let path = try takeOut(entry, "", "old") else { continue }
            passing.append(Removal(path: path, job: entry, manifestDirectory: path))
        }
        for entry in excess.snapshots {
            let part = "/" + Layout.Job.snapshot
            guard let path = try takeOut(entry, part, "snapshot") else { continue }
            let directory = directory(entry.id, entry.state)
            passing.append(Removal(path: path, job: entry, manifestDirectory: directory))
        }
        if !passing.isEmpty {
            for directory in [directory(.done), directory(.failed), temporary] {
                try syncDirectory(directory)
            }
        }
        return passing
    }

    /// - Parameter part: of the job's directory; empty: all of it.
    private func takeOut(
        _ entry: FinishedJobs.Entry, _ part: String, _ ending: String
    ) throws(SystemError) -> String? {
        let path = directory(entry.id, entry.state)
        var status = stat()
        // Retried or removed meanwhile.
        guard lstat(path, &status) == 0, Self.changed(status) == entry.changed else { return nil }
        try? makeMovable(path, status)
        // Another one is there where removing it takes long, and the job was retried since.
        for number in 0..<100 {
            let passing = joined(temporary, "\(entry.id).\(number).\(ending)")
            if stade_renameat2(AT_FDCWD, path + part, AT_FDCWD, passing, 1) == 0 { return passing }
            if errno == EIO { throw SystemError("rename", path + part) }
            // What cannot be moved stays.
            if errno != EEXIST { break }
        }
        return nil
    }

    /// When a file's bytes or a directory's names last changed, in seconds and nanoseconds.
    static func changed(_ status: stat) -> [Int] {
        [status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
    }
}
