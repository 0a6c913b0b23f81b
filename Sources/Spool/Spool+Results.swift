import Documents
import Glibc
import Manifests
import Posix

extension Spool {
    /// A job's manifest, as it was copied when it was claimed.
    package func manifest(_ record: JobRecord) throws -> Manifest {
        try manifest(record, in: directory(record.id, record.state))
    }

    private func manifest(_ record: JobRecord, in directory: String) throws -> Manifest {
        let path = joined(directory, Self.manifestFile)
        return try Manifest.read(
            readRegularFile(path, limit: Inbox.maximumSize), file: record.file)
    }

    /// The outputs of a job that published all of them; nil where any is missing. To be asked before
    /// a job is run again.
    package func published(_ record: JobRecord, below roots: Roots) -> [Output]? {
        guard let manifest = try? manifest(record) else { return nil }
        return Output.published(by: record.id, manifest, roots)
    }

    /// Removes what a worker that was killed left of the outputs it was building: `.stade-<id>.partial`
    /// and, for a sweep, `.stade-<id>-<n>.partial` beside where the outputs belong. What cannot be
    /// removed stays.
    /// - Parameter directory: where its manifest is; nil: in the job's directory.
    package func discardPartials(
        _ record: JobRecord, below roots: Roots, manifestIn directory: String? = nil
    ) {
        let manifestDirectory = directory ?? self.directory(record.id, record.state)
        guard let manifest = try? manifest(record, in: manifestDirectory),
            let output = try? roots.outputPath(manifest.output)
        else { return }
        let parent = "/" + output.split(separator: "/").dropLast().joined(separator: "/")
        guard let directory = try? File(parent, O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
            let entries = try? DirectoryEntry.list(directory)
        else { return }
        for name in entries.lazy.filter({ $0.kind == .directory }).compactMap(\.name)
        where name.hasPrefix(".stade-\(record.id)") && name.hasSuffix(".partial") {
            try? removeTree(name, in: directory.descriptor)
        }
    }

    /// Removes all that was kept of a job for a later attempt; first the checkpoint, which names the
    /// rest. What cannot be removed stays.
    package func discardWork(_ record: JobRecord, below roots: Roots) {
        try? removeTree(checkpoint(record))
        discardPartials(record, below: roots)
    }

    /// Whether a later attempt has something to go on from.
    package func hasCheckpoint(_ record: JobRecord) -> Bool {
        access(joined(checkpoint(record), Self.progressFile), F_OK) == 0
    }

    /// Whether the attempt that is under way, or was when the daemon went down, has left a checkpoint:
    /// then it got further than the one before.
    package func hasProgressed(_ record: JobRecord) -> Bool {
        let path = joined(checkpoint(record), Self.progressFile)
        guard let bytes = try? readRegularFile(path, limit: 256 << 20),
            let node = try? JSON.parse(bytes, file: path)
        else { return false }
        return node["attempt"]?.string == record.attemptName
    }

    private func checkpoint(_ record: JobRecord) -> String {
        joined(directory(record.id, record.state), Self.checkpointDirectory)
    }

    /// Moves a job to `done`, with what it left in `result.json`.
    package func finish(
        _ record: JobRecord, _ outputs: [Output]
    ) throws(SystemError) -> JobRecord {
        var record = record
        record.reason = nil
        record.exitCode = nil
        record.retryAfter = nil
        let result = Node.object(["version": 1, "outputs": Node(outputs.map(\.node))])
        do throws(SystemError) {
            let path = joined(directory(record.id, record.state), Self.resultFile)
            try put(JSON.encode(result) + [UInt8(ascii: "\n")], path)
        } catch {
            // The outputs are there; a full spool must not make the job run again.
            guard error.isNoSpace else { throw error }
        }
        try? removeTree(checkpoint(record))
        return try move(record, to: .done)
    }

    /// What a job in `done` left; empty for any other.
    package func outputs(_ record: JobRecord) -> [Output] {
        let path = joined(directory(record.id, record.state), Self.resultFile)
        guard let bytes = try? readRegularFile(path, limit: 1 << 20),
            let node = try? JSON.parse(bytes, file: path)
        else { return [] }
        return (node["outputs"]?.array ?? []).compactMap { Output($0) }
    }
}
