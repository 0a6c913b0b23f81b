import Glibc
import Posix

/// The directories in which jobs live, all on one file system but the inbox, which may be
/// elsewhere.
///
/// Only the holder of the lock changes anything below `path`; others read, and may see a job move
/// while they look.
package struct Spool: Sendable {
    package let path: String
    package let inbox: String

    package init(path: String, inbox: String) {
        self.path = path
        self.inbox = inbox
    }

    package var temporary: String { joined(path, Layout.Spool.temporary) }

    package func directory(_ state: JobState) -> String { joined(path, state.rawValue) }

    package func directory(_ id: String, _ state: JobState) -> String {
        joined(directory(state), id)
    }

    /// The state that job `id` is in; nil where there is no such job.
    package func locate(_ id: String) -> JobState? {
        JobState.allCases.first { state in
            var status = stat()
            return lstat(directory(id, state), &status) == 0
        }
    }

    /// Makes what is missing of the spool. The spool's own parent must exist.
    package func create() throws(SystemError) {
        var made = false
        for directory in [path, temporary, inbox] + JobState.allCases.map({ directory($0) }) {
            if mkdir(directory, 0o750) == 0 {
                made = true
            } else if errno != EEXIST {
                throw SystemError("make the directory", directory)
            }
        }
        if made { try syncDirectory(path) }
    }

    /// Makes the lock a regular file that can be opened. It is never replaced where it is one:
    /// another daemon may hold it.
    private func mendLock(_ path: String) throws(SystemError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT != S_IFREG {
            try removeTree(path)
        } else if status.st_mode & 0o600 != 0o600 {
            // Where that fails, so does opening it.
            _ = chmod(path, 0o640)
        }
    }

    /// Takes the spool for this process as long as the file stays open: flock(2).
    package func lock() throws -> File {
        let lock = joined(path, Layout.Spool.lock)
        try mendLock(lock)
        let file = try File(lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK)
        if flock(file.descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK else { throw SystemError("lock", file.path) }
            let holder = try file.readAll(limit: 20).prefix { $0 != UInt8(ascii: "\n") }
            throw SpoolError(
                path: path, reason: .locked(by: String(decoding: holder, as: UTF8.self)))
        }
        // Tells a second daemon's administrator whom to stop; nobody relies on it.
        let text = "\(getpid())\n"
        if ftruncate(file.descriptor, 0) == 0 {
            _ = pwrite(file.descriptor, text, text.utf8.count, 0)
        }
        return file
    }
}
