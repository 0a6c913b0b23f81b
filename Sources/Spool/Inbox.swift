import Glibc
import Posix

/// The directory into which users drop manifests, and what is remembered of it between scans.
package struct Inbox {
    /// Seconds that a file written in place must lie still after it was closed.
    static let settleTime = 1.0
    /// The same where nobody saw it being closed: after a start, or without inotify.
    static let unseenSettleTime = 3.0
    /// Larger files are no manifests and are not read.
    package static let maximumSize = 1 << 20

    let spool: Spool
    var identifiers = JobIdentifier()
    private var sightings: [[CChar]: Sighting] = [:]
    /// The last warning about a name that is still there: each is given once.
    private var warned: [[CChar]: String] = [:]

    package init(_ spool: Spool) { self.spool = spool }

    private struct Sighting {
        struct Version: Hashable {
            let inode: ino_t
            let size: off_t
            let modified: [Int]
            let changed: [Int]

            init(_ status: stat) {
                inode = status.st_ino
                size = status.st_size
                modified = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
                changed = [status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
            }
        }

        let version: Version
        /// On the caller's clock.
        let since: Double
    }

    /// Claims what is ready and turns it into jobs, queued or failed.
    ///
    /// - Parameters:
    ///   - hints: those about names that have gone are dropped.
    ///   - now: seconds on a clock that never steps.
    ///   - limit: claims at most, so that the caller stays responsive.
    /// - Throws: only where the inbox itself cannot be read.
    package mutating func scan(
        _ hints: inout Hints, now: Double = Clock.boot(), limit: Int = 64
    ) throws(SystemError) -> Intake {
        let directory = try File(spool.inbox, O_RDONLY | O_DIRECTORY)
        let entries = try DirectoryEntry.list(directory)
        var intake = Intake()
        do throws(SystemError) {
            let claims = entries.lazy.filter { $0.kind != .directory }.compactMap(\.name)
                .compactMap(Self.claimed)
            for id in claims.prefix(limit) { try finishClaim(id, directory, &intake) }
            intake.hasMore = claims.count > limit
            takeRequests(entries, directory, &intake)
            try take(entries, directory, &hints, now, limit - claims.count, &intake)
            if !(intake.accepted.isEmpty && intake.rejected.isEmpty) { try directory.sync() }
        } catch {
            intake.failure = error
        }
        let names = Set(entries.map(\.bytes))
        hints.keep(names)
        sightings = sightings.filter { names.contains($0.key) }
        warned = warned.filter { names.contains($0.key) }
        return intake
    }

    private mutating func take(
        _ entries: [DirectoryEntry], _ directory: borrowing File, _ hints: inout Hints,
        _ now: Double, _ limit: Int, _ intake: inout Intake
    ) throws(SystemError) {
        var ready: [(entry: DirectoryEntry, modified: [Int])] = []
        for entry in entries where entry.bytes.first != CChar(bitPattern: UInt8(ascii: ".")) {
            var status = stat()
            if fstatat(directory.descriptor, entry.bytes, &status, AT_SYMLINK_NOFOLLOW) != 0 {
                continue
            }
            let version = Sighting.Version(status)
            if let objection = objection(entry, status, directory) {
                warn(objection, about: entry.bytes, &intake)
                continue
            }
            if sightings[entry.bytes]?.version != version {
                sightings[entry.bytes] = Sighting(version: version, since: now)
            }
            let age = now - (sightings[entry.bytes]?.since ?? now)
            let wait = settleTime(entry, hints[entry.bytes]) - age
            if wait > 0 {
                intake.rescan = min(intake.rescan ?? wait, wait)
            } else {
                ready.append((entry, version.modified))
            }
        }
        // First come, first served, as far as the files tell.
        ready.sort { $0.modified.lexicographicallyPrecedes($1.modified) }
        for (entry, _) in ready.prefix(max(0, limit)) { try claim(entry, directory, &intake) }
        // Where nothing could be taken, to look again at once would be to spin.
        if ready.count > limit, !(intake.accepted.isEmpty && intake.rejected.isEmpty) {
            intake.hasMore = true
        }
    }

    mutating func warn(_ warning: String, about name: [CChar], _ intake: inout Intake) {
        if warned.updateValue(warning, forKey: name) != warning { intake.warnings.append(warning) }
    }

    private func settleTime(_ entry: DirectoryEntry, _ hint: Hints.Kind?) -> Double {
        // A link or a FIFO is refused anyway, whatever is in it.
        guard entry.kind == .file else { return 0 }
        return switch hint {
        case .moved: 0
        case .closed: Self.settleTime
        case nil: Self.unseenSettleTime
        }
    }

    /// Why a name in the inbox is left where it is; nil where it is to be claimed.
    private func objection(
        _ entry: DirectoryEntry, _ status: stat, _ directory: borrowing File
    ) -> String? {
        let name = entry.displayName
        guard let text = entry.name, text.utf8.suffix(5).elementsEqual(".yaml".utf8) else {
            return "\(name) in the inbox is ignored: a manifest's name is UTF-8 and ends in .yaml"
        }
        switch status.st_mode & S_IFMT {
        case S_IFLNK, S_IFIFO: return nil
        case S_IFREG: break
        default: return "\(name) in the inbox is ignored: it is not a regular file"
        }
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        let descriptor = openat(directory.descriptor, entry.bytes, flags)
        if descriptor >= 0 {
            close(descriptor)
        } else if errno == EACCES || errno == EPERM {
            return "\(name) in the inbox cannot be read by the daemon; make it readable "
                + "(chmod g+r or a+r) and it is taken"
        }
        return nil
    }
}

extension DirectoryEntry {
    /// The name, harmless to a log and a terminal, whatever its bytes are.
    var displayName: String {
        escaped(
            name ?? String(decoding: bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
}
