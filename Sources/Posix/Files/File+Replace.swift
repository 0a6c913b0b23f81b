import Glibc

/// Writes a whole file under a passing name and renames it into place, so that a reader sees the
/// old or the new one. The directory is not synced.
/// - Parameter durable: false leaves out the fsync, for what need not survive a crash.
package func replaceFile(
    _ path: String, _ bytes: [UInt8], durable: Bool = true
) throws(SystemError) {
    let new = path + ".new"
    do throws(SystemError) {
        let file = try create(new)
        try file.write(bytes, at: 0)
        if durable { try file.sync() }
        if rename(new, path) != 0 { throw SystemError("rename", new) }
    } catch {
        // On a full disk every byte counts, and a half-written file is of no use.
        unlink(new)
        throw error
    }
}

/// A new file, in place of what a crash or somebody else has left under that name: neither followed
/// nor waited for.
private func create(_ path: String) throws(SystemError) -> File {
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
    do throws(SystemError) {
        return try File(path, flags)
    } catch {
        guard error.errno == EEXIST, unlink(path) == 0 else { throw error }
        return try File(path, flags)
    }
}
