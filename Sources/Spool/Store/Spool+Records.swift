import Documents
import Glibc
import Posix

extension Spool {
    /// Larger than any `state.json` that this program writes.
    private static let recordLimit = 1 << 20

    /// The jobs in a state, oldest first. Names that no job can have are left out.
    package func identifiers(_ state: JobState) throws(SystemError) -> [String] {
        try entries(state).identifiers
    }

    /// The jobs in a state, oldest first, and what is no job's directory, as a log may show it.
    func entries(
        _ state: JobState
    ) throws(SystemError) -> (identifiers: [String], others: [String]) {
        let directory = try File(directory(state), O_RDONLY | O_DIRECTORY)
        var result: (identifiers: [String], others: [String]) = ([], [])
        for entry in try DirectoryEntry.list(directory) {
            if entry.kind == .directory, let name = entry.name, JobIdentifier.isValid(name) {
                result.identifiers.append(name)
            } else {
                result.others.append(joined(self.directory(state), displayName(entry.bytes)))
            }
        }
        return result
    }

    /// Reads `state.json` of a job.
    /// - Throws: `SystemError`, or `DocumentError` where the file is damaged.
    package func record(_ id: String, _ state: JobState) throws -> JobRecord {
        try record(in: directory(id, state), id: id, state: state)
    }

    func record(in directory: String, id: String, state: JobState) throws -> JobRecord {
        let path = joined(directory, Layout.Job.record)
        let node = try JSON.parse(
            readRegularFile(path, limit: Self.recordLimit), file: path, exitCode: .io)
        return try JobRecord(node, id: id, state: state, path: path)
    }

    /// Writes what changed of a job that stays where it is, for those who look.
    package func update(_ record: JobRecord) throws(SystemError) {
        try write(record, in: directory(record.id, record.state))
    }

    /// Writes `state.json` into a job's directory: a new file, made durable, renamed into place.
    func write(_ record: JobRecord, in directory: String) throws(SystemError) {
        try put(
            JSON.encode(record.node) + [UInt8(ascii: "\n")], joined(directory, Layout.Job.record))
        try syncDirectory(directory)
    }
}
