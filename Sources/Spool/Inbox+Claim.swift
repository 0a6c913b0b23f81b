import CLinux
import Documents
import Glibc
import Manifests
import Posix

/// Step by step, and what a crash after each leaves for the next scan:
/// 1. `tmp/<id>/state.json` with the file's name, not synced: dropped, the file is claimed anew.
/// 2. rename to `.claim-<id>` in the inbox, fsync: `finishClaim` goes on; if the name was lost, the job
///    is called after its id.
/// 3. copy into `tmp/<id>/`, fsync: the same.
/// 4. rename to `queued/<id>` or `failed/<id>`, fsync: the claim is only removed.
extension Inbox {
    private static let claimPrefix = ".claim-"

    /// The id in a claim's name; nil for any other name.
    static func claimed(_ name: String) -> String? {
        guard name.hasPrefix(claimPrefix) else { return nil }
        let id = String(name.dropFirst(claimPrefix.count))
        return JobIdentifier.isValid(id) ? id : nil
    }

    mutating func claim(
        _ entry: DirectoryEntry, _ directory: borrowing File, _ intake: inout Intake
    ) throws(SystemError) {
        guard let name = entry.name else { return }
        let id = try prepare(name)
        let claim = Self.claimPrefix + id
        let inbox = directory.descriptor
        if stade_renameat2(inbox, name, inbox, claim, 1) != 0 {
            let error = SystemError("claim", joined(spool.inbox, name))
            try removeTree(joined(spool.temporary, id))
            switch error.errno {
            case ENOENT:
                intake.warnings.append("\(escaped(name)) was withdrawn before it was taken")
            case EACCES, EPERM:
                // One file that cannot be moved must not keep the others waiting.
                warn("\(error); the daemon must own the inbox", about: entry.bytes, &intake)
            default: throw error
            }
            return
        }
        try directory.sync()
        try finishClaim(id, directory, &intake)
    }

    /// Makes `tmp/<id>/` under an id that no job has, with what is known before the claim.
    private mutating func prepare(_ name: String) throws(SystemError) -> String {
        while true {
            let id = identifiers.next()
            let directory = joined(spool.temporary, id)
            if spool.locate(id) != nil { continue }
            if mkdir(directory, 0o750) != 0 {
                if errno == EEXIST { continue }
                throw SystemError("make the directory", directory)
            }
            let record = JobRecord(
                id: id, state: .queued, name: name, file: name, uid: .max, submitted: Clock.wall())
            do throws(SystemError) {
                try replaceFile(
                    joined(directory, Spool.recordFile), JSON.encode(record.node), durable: false)
            } catch {
                try removeTree(directory)
                throw error
            }
            return id
        }
    }

    /// Takes a claimed file from wherever a crash left it.
    mutating func finishClaim(
        _ id: String, _ directory: borrowing File, _ intake: inout Intake
    ) throws(SystemError) {
        let claim = Self.claimPrefix + id
        let work = joined(spool.temporary, id)
        if spool.locate(id) == nil {
            if mkdir(work, 0o750) != 0, errno != EEXIST {
                throw SystemError("make the directory", work)
            }
            let known = try? spool.record(in: work, id: id, state: .queued)
            let file = known?.file ?? "\(id).yaml"
            var record = JobRecord(
                id: id, state: .queued, name: escaped(file, limit: 255), file: file, uid: .max,
                submitted: known?.submitted ?? Clock.wall())
            do throws(ClaimError) {
                let (bytes, uid) = try read(claim, directory)
                record.uid = uid
                try keep(bytes, &record, work)
            } catch {
                switch error.reason {
                case .withdrawn:
                    intake.warnings.append("\(escaped(file)) was withdrawn while it was taken")
                    try removeTree(work)
                    return
                case .system(let error): throw error
                default: record.reject("\(escaped(file)): \(error)", error.uid)
                }
            }
            try settle(&record, work)
            if record.state == .failed {
                intake.rejected.append(record)
            } else {
                intake.accepted.append(record)
            }
        } else {
            try removeTree(work)
        }
        if unlinkat(directory.descriptor, claim, 0) != 0, errno != ENOENT {
            let error = SystemError("remove", joined(spool.inbox, claim))
            warn(
                "\(error); the daemon must own the inbox", about: claim.utf8CString.map { $0 },
                &intake)
        }
    }

    /// Copies a manifest into the job's directory and takes from it what the queue goes by.
    private func keep(
        _ bytes: [UInt8], _ record: inout JobRecord, _ work: String
    ) throws(ClaimError) {
        // Left by an attempt to claim it that a crash ended.
        unlink(joined(work, Spool.reasonFile))
        do throws(SystemError) {
            try writeFile(joined(work, Spool.manifestFile), bytes)
        } catch {
            throw ClaimError(uid: record.uid, reason: .system(error))
        }
        do throws(DocumentError) {
            let manifest = try Manifest.read(bytes, file: record.file)
            record.name = manifest.name
            record.priority = manifest.priority
        } catch {
            record.reject(error.description, record.uid)
        }
    }

    /// Makes the job durable in `tmp/` and moves it to where it belongs.
    private func settle(_ record: inout JobRecord, _ work: String) throws(SystemError) {
        record.enter(record.state, at: Clock.wall())
        if let reason = record.reason {
            try writeFile(joined(work, Spool.reasonFile), Array((reason + "\n").utf8))
        }
        try spool.write(record, in: work)
        let target = spool.directory(record.state)
        try spool.renameDurably(work, joined(target, record.id), spool.temporary, target)
    }

    /// The claimed file's bytes and owner.
    private func read(
        _ claim: String, _ directory: borrowing File
    ) throws(ClaimError) -> (bytes: [UInt8], uid: UInt32) {
        let path = joined(spool.inbox, claim)
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        let descriptor = openat(directory.descriptor, claim, flags)
        if descriptor < 0 {
            let error = SystemError("open", path)
            var status = stat()
            let found = fstatat(directory.descriptor, claim, &status, AT_SYMLINK_NOFOLLOW) == 0
            throw ClaimError(uid: found ? status.st_uid : .max, opening: error)
        }
        let file = File(owning: descriptor, path: path)
        var status = stat()
        if fstat(descriptor, &status) != 0 {
            throw ClaimError(uid: .max, opening: SystemError("fstat", path))
        }
        let uid = status.st_uid
        if status.st_mode & S_IFMT != S_IFREG { throw ClaimError(uid: uid, reason: .notRegular) }
        if status.st_nlink > 1 { throw ClaimError(uid: uid, reason: .hardLinks) }
        var size = Int(status.st_size)
        if size <= Self.maximumSize {
            do throws(SystemError) {
                // A file may grow while it is read.
                let bytes = try file.readAll(limit: Self.maximumSize + 1)
                if bytes.count <= Self.maximumSize { return (bytes, uid) }
                size = bytes.count
            } catch {
                throw ClaimError(uid: uid, opening: error)
            }
        }
        throw ClaimError(uid: uid, reason: .tooLarge(size))
    }
}

extension JobRecord {
    fileprivate mutating func reject(_ reason: String, _ uid: UInt32) {
        state = .failed
        self.reason = reason
        self.uid = uid
        exitCode = ExitCode.configuration.rawValue
    }
}
