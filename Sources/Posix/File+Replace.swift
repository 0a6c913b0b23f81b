import Glibc

/// Writes a whole file under a passing name and renames it into place, so that a reader sees the old
/// or the new one. The directory is not synced.
/// - Parameter durable: false leaves out the fsync, for what need not survive a crash.
package func replaceFile(
    _ path: String, _ bytes: [UInt8], durable: Bool = true
) throws(SystemError) {
    let new = path + ".new"
    do throws(SystemError) {
        if durable {
            try writeFile(new, bytes)
        } else {
            let file = try File(new, O_WRONLY | O_CREAT | O_TRUNC)
            try bytes.withUnsafeBufferPointer { buffer throws(SystemError) in
                try file.write(UnsafeRawBufferPointer(buffer), at: 0)
            }
        }
        if rename(new, path) != 0 { throw SystemError("rename", new) }
    } catch {
        // On a full disk every byte counts, and a half-written file is of no use.
        unlink(new)
        throw error
    }
}
