import Documents
import Glibc
import Manifests
import Posix
import Reports

extension Spool {
    /// A job's manifest, as it was copied when it was claimed.
    package func manifest(_ record: JobRecord) throws -> Manifest {
        try manifest(record, in: directory(record.id, record.state))
    }

    func manifest(_ record: JobRecord, in directory: String) throws -> Manifest {
        let path = joined(directory, Layout.Job.manifest)
        return try Manifest.read(
            readRegularFile(path, limit: Inbox.maximumSize), file: record.file)
    }

    /// What a worker has said of the outputs before it published them, each with the directory that
    /// it is: `OutputRecord`. Empty where it has not come so far.
    /// - Throws: only where descriptors or memory are short.
    package func recordedOutputs(
        _ record: JobRecord
    ) throws(SystemError) -> [(output: Output, identity: FileIdentity)] {
        let bytes: [UInt8]
        do throws(SystemError) {
            bytes = try Directory(snapshot(record)).read(Layout.Snapshot.outputs, limit: 1 << 20)
        } catch {
            if error.exitCode == .tryAgain { throw error }
            return []
        }
        guard
            let node = try? JSON.parse(bytes, file: Layout.Snapshot.outputs)
        else { return [] }
        return OutputList<RecordedOutput>(node).outputs.map { ($0.output, $0.identity) }
    }

    /// The outputs of a job that published all of them; nil where any is missing. To be asked
    /// before a job is run again. Only this account's directory that the job has made counts, in
    /// its place, and nothing in it is read.
    package func published(
        _ record: JobRecord, below roots: Roots
    ) throws(SystemError) -> [Output]? {
        let recorded = try recordedOutputs(record)
        guard !recorded.isEmpty, let manifest = try? manifest(record) else { return nil }
        let paths = manifest.outputPaths
        guard paths.count == recorded.count else { return nil }
        for (path, (_, identity)) in zip(paths, recorded) {
            var status = stat()
            let place: (parent: OpenFile, name: String)
            do {
                place = try roots.output(path)
            } catch {
                if let error = error as? SystemError, error.exitCode == .tryAgain { throw error }
                return nil
            }
            guard
                fstatat(place.parent.descriptor, place.name, &status, AT_SYMLINK_NOFOLLOW) == 0,
                status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid(),
                FileIdentity(status) == identity
            else { return nil }
        }
        return recorded.map(\.output)
    }

    /// Removes the snapshot, which names the rest of what was kept of a job for a later attempt.
    /// What cannot be removed stays.
    /// So does the note of outputs that are in their places: a retry must know its own.
    package func discardSnapshot(_ record: JobRecord) {
        guard let directory = try? Directory(snapshot(record)),
            let entries = try? directory.entries()
        else { return }
        for entry in entries where entry.name != Layout.Snapshot.outputs {
            try? removeTree(entry.bytes, in: directory)
        }
    }

    /// Whether a later attempt has something to go on from.
    package func hasSnapshot(_ record: JobRecord) -> Bool {
        access(joined(snapshot(record), Layout.Snapshot.progress), F_OK) == 0
    }

    /// Whether the attempt that is under way, or was when the daemon went down, has left a
    /// snapshot: then it got further than the one before.
    package func hasProgressed(_ record: JobRecord) -> Bool {
        let path = joined(snapshot(record), Layout.Snapshot.progress)
        guard let bytes = try? readRegularFile(path, limit: 256 << 20),
            let node = try? JSON.parse(bytes, file: path)
        else { return false }
        return node["attempt"]?.string == record.attemptName
    }

    private func snapshot(_ record: JobRecord) -> String {
        joined(directory(record.id, record.state), Layout.Job.snapshot)
    }

    /// Moves a job to `done`, with what it left in `result.json`.
    package func finish(
        _ record: JobRecord, _ outputs: [Output]
    ) throws(SystemError) -> JobRecord {
        var record = record
        record.reason = nil
        record.exitCode = nil
        record.retryAfter = nil
        let result = OutputList(outputs).node
        do throws(SystemError) {
            let path = joined(directory(record.id, record.state), Layout.Job.result)
            try put(JSON.encode(result) + [UInt8(ascii: "\n")], path)
        } catch {
            // The outputs are there; a full spool must not make the job run again.
            guard error.isNoSpace else { throw error }
        }
        record = try move(record, to: .done)
        // Only now: it says that the outputs are the job's.
        try? removeTree(snapshot(record))
        return record
    }

    /// What a job in `done` left; empty for any other.
    package func outputs(_ record: JobRecord) -> [Output] {
        let path = joined(directory(record.id, record.state), Layout.Job.result)
        guard let bytes = try? readRegularFile(path, limit: 1 << 20),
            let node = try? JSON.parse(bytes, file: path)
        else { return [] }
        return OutputList<Output>(node).outputs
    }
}
