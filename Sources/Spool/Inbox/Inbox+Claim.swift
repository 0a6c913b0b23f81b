import CLinux
import Documents
import Glibc
import Manifests
import Posix

/// Step by step, and what a crash after each leaves for the next start:
/// 1. `tmp/<id>/state.json` with the file's name, not synced: dropped, the file is claimed anew.
/// 2. rename to `<inbox>/.claims/<id>`, fsync: `finishClaim` goes on; if the record was lost with
///    the power, the file goes back into the inbox as `<id>.yaml`.
/// 3. copy into `tmp/<id>/`, fsync: the same.
/// 4. rename to `queued/<id>` or `failed/<id>`, fsync: the claim is only removed.
extension Inbox {
    mutating func claim(
        _ bytes: [CChar], of uid: UInt32, _ place: borrowing Place, _ intake: inout Intake
    ) throws(SystemError) {
        guard case .manifest(let name) = InboxName(bytes) else { return }
        let record = try prepare(name)
        let id = record.id
        if stade_renameat2(place.inbox.descriptor, name, place.claims.descriptor, id, 1) != 0 {
            let error = SystemError("claim", joined(spool.inbox, name))
            try removeTree(joined(spool.temporary, id))
            switch error.errno {
            case ENOENT:
                manifests.remove(bytes, of: uid)
                intake.warn("\(escaped(name)) was withdrawn before it was taken", of: uid)
            case EACCES, EPERM:
                // One file that cannot be moved must not keep the others waiting.
                block(bytes, of: uid, "\(error); the daemon must own the inbox", &intake)
            default: throw error
            }
            return
        }
        manifests.remove(bytes, of: uid)
        unfinished?.append(id)
        try place.claims.sync()
        try place.inbox.sync()
        try finishClaim(record, place, &intake)
        unfinished?.removeAll { $0 == id }
    }

    /// Makes `tmp/<id>/` under an id that no job has, with what is known before the claim.
    private mutating func prepare(_ name: String) throws(SystemError) -> JobRecord {
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
                    joined(directory, Layout.Job.record), JSON.encode(record.node), durable: false)
            } catch {
                try removeTree(directory)
                throw error
            }
            return record
        }
    }

    /// Makes a job of a claimed file, or a rejected one.
    /// - Parameter known: from `prepare`, perhaps of an earlier daemon.
    mutating func finishClaim(
        _ known: JobRecord, _ place: borrowing Place, _ intake: inout Intake
    ) throws(SystemError) {
        let (id, file) = (known.id, known.file)
        let work = joined(spool.temporary, id)
        var record = JobRecord(
            id: id, state: .queued, name: escaped(file, limit: 255), file: file, uid: .max,
            submitted: known.submitted)
        do throws(ClaimError) {
            let (bytes, uid) = try read(id, place.claims)
            record.uid = uid
            try keep(bytes, &record, work)
        } catch {
            switch error.reason {
            case .withdrawn:
                intake.warn("\(escaped(file)) was withdrawn while it was taken", of: error.uid)
                try removeTree(work)
                return
            case .directory:
                try putBack(id, as: file, place, &intake)
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
        removeClaim(id, place, &intake)
    }

    /// Copies a manifest into the job's directory and takes from it what the queue goes by.
    private func keep(
        _ bytes: [UInt8], _ record: inout JobRecord, _ work: String
    ) throws(ClaimError) {
        // Left by an attempt to claim it that a crash ended.
        unlink(joined(work, Layout.Job.reason))
        do throws(SystemError) {
            try writeFile(joined(work, Layout.Job.manifest), bytes)
        } catch {
            throw ClaimError(uid: record.uid, reason: .system(error))
        }
        do throws(DocumentError) {
            let manifest = try Manifest.read(bytes, file: record.file)
            record.name = manifest.name
            record.priority = manifest.priority
            record.executor = manifest.executor
        } catch {
            record.reject(error.description, record.uid)
        }
    }

    /// Makes the job durable in `tmp/` and moves it to where it belongs.
    private func settle(_ record: inout JobRecord, _ work: String) throws(SystemError) {
        record.enter(record.state, at: Clock.wall())
        if let reason = record.reason {
            try writeFile(joined(work, Layout.Job.reason), Array((reason + "\n").utf8))
        }
        try spool.write(record, in: work)
        let target = spool.directory(record.state)
        try spool.renameDurably(work, joined(target, record.id), spool.temporary, target)
    }

    /// The claimed file's bytes and owner.
    private func read(
        _ id: String, _ claims: borrowing File
    ) throws(ClaimError) -> (bytes: [UInt8], uid: UInt32) {
        let path = joined(claims.path, id)
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        let descriptor = openat(claims.descriptor, id, flags)
        if descriptor < 0 {
            let error = SystemError("open", path)
            var status = stat()
            let found = fstatat(claims.descriptor, id, &status, AT_SYMLINK_NOFOLLOW) == 0
            let uid = found ? status.st_uid : .max
            if found, status.st_mode & S_IFMT == S_IFDIR {
                throw ClaimError(uid: uid, reason: .directory)
            }
            throw ClaimError(uid: uid, opening: error)
        }
        let file = File(owning: descriptor, path: path)
        var status = stat()
        if fstat(descriptor, &status) != 0 {
            throw ClaimError(uid: .max, opening: SystemError("fstat", path))
        }
        let uid = status.st_uid
        // It took the manifest's place between two looks.
        if status.st_mode & S_IFMT == S_IFDIR { throw ClaimError(uid: uid, reason: .directory) }
        if status.st_mode & S_IFMT != S_IFREG { throw ClaimError(uid: uid, reason: .notRegular) }
        if status.st_nlink > 1 { throw ClaimError(uid: uid, reason: .hardLinks) }
        if !isWord(of: uid) { throw ClaimError(uid: uid, reason: .daemonsOwn) }
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
