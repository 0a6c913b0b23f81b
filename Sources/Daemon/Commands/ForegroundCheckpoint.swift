import Glibc
import Pipeline
import Posix
import Spool

/// The checkpoint of a job without a daemon: a directory beside the output, named after it, in which
/// the job's id is as well.
struct ForegroundCheckpoint {
    private static let idFile = "id"

    private let template: Job
    private let id: String
    private let directory: String
    private let interval: Int

    /// Finds what an earlier run left, or begins.
    init(_ job: Job, interval: Int) throws {
        let output = try job.paths.outputPath(job.manifest.output)
        let parts = output.split(separator: "/")
        let parent = "/" + parts.dropLast().joined(separator: "/")
        directory = joined(parent, ".\(parts.last ?? "").stade-checkpoint")
        template = job
        self.interval = interval
        if mkdir(directory, 0o750) != 0, errno != EEXIST {
            throw SystemError("make the directory", directory)
        }
        let path = joined(directory, Self.idFile)
        let known = (try? readRegularFile(path, limit: 64)).map {
            String(decoding: $0, as: UTF8.self)
        }
        if let known, JobIdentifier.isValid(known) {
            id = known
        } else {
            id = job.id
            try replaceFile(path, Array(id.utf8))
            try syncDirectory(directory)
        }
    }

    /// - Parameter say: told what a person should know.
    func job(_ say: @escaping @Sendable (String) -> Void) -> Job {
        var job = Job(
            id: id, manifest: template.manifest, paths: template.paths, ceiling: template.ceiling)
        job.planned = template.planned
        job.resumption = Resumption(
            directory: directory, version: version, attempt: template.id,
            interval: Double(interval)
        ) { note in
            if let text = note.text { say(text) }
        }
        return job
    }

    /// Removes the directory where there is nothing to go on from.
    func removeIfUnused() {
        guard let lock = try? File(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
            // Another process may be about to write there.
            flock(lock.descriptor, LOCK_EX | LOCK_NB) == 0
        else { return }
        if access(joined(directory, Spool.progressFile), F_OK) != 0 { try? removeTree(directory) }
    }
}
