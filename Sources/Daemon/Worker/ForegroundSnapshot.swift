import Glibc
import Pipeline
import Posix
import Spool

/// The snapshot of a job without a daemon: a directory beside the output, named after it, in
/// which the job's id is as well.
struct ForegroundSnapshot {
    private let template: Job
    private let id: String
    private let parent: Directory
    private let name: String
    private let directory: Directory
    private let interval: Int

    /// Finds what an earlier run left, or begins.
    init(_ job: Job, interval: Int) throws {
        let output = try job.paths.output(job.manifest.output)
        parent = try Directory(output.parent)
        name = Layout.Snapshot.directory(beside: output.name)
        template = job
        self.interval = interval
        do throws(SystemError) {
            try parent.makeDirectory(name, mode: 0o700)
        } catch {
            if error.errno != EEXIST { throw error }
        }
        directory = try parent.directory(name)
        let status = try directory.status()
        guard status.st_uid == geteuid(), status.st_mode & 0o022 == 0 else {
            throw SystemError("trust", directory.path, errno: EPERM)
        }
        let known = (try? directory.read(Layout.Snapshot.job, limit: 64)).map {
            String(decoding: $0, as: UTF8.self)
        }
        if let known, JobIdentifier.isValid(known) {
            id = known
        } else {
            id = job.id
            // Without its id nobody can go on from it; else it would keep an unfinished output.
            try removeTree(Layout.Snapshot.progress, in: directory.descriptor)
            try directory.replace(Layout.Snapshot.job, Array(id.utf8))
            try directory.sync()
        }
    }

    /// - Parameter say: told what a person should know.
    func job(_ say: @escaping @Sendable (String) -> Void) -> Job {
        var job = Job(
            id: id, manifest: template.manifest, paths: template.paths, ceiling: template.ceiling)
        job.keeper = .snapshot(name)
        job.planned = template.planned
        job.resumption = Resumption(
            directory: directory.path, version: version, attempt: template.id,
            interval: Double(interval)
        ) { note in
            if let text = note.text { say(text) }
        }
        return job
    }

    /// Removes the directory where there is nothing to go on from.
    func removeIfUnused() {
        // Another process may be about to write there.
        guard (try? directory.lock(patience: 0)) == true,
            directory.status(of: Layout.Snapshot.progress) == nil
        else { return }
        try? directory.removeContents()
        // At its name may be another by now.
        if let status = parent.status(of: name),
            FileIdentity(status) == (try? directory.identity())
        {
            unlinkat(parent.descriptor, name, AT_REMOVEDIR)
        }
    }
}
