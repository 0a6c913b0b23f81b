import CLinux
import Glibc

/// renameat2(2) from one open directory into another.
package enum Rename: Sendable {
    /// Fails with `EEXIST` where the new name is taken: `RENAME_NOREPLACE`.
    case new
    /// Both names exist and change places at once: `RENAME_EXCHANGE`.
    case exchange

    /// - Returns: what went wrong; `EINVAL` where the file system does not know the flag (NFS, some
    ///   FUSE).
    package func callAsFunction(
        _ old: String, in from: Directory, to new: String, in to: Directory
    ) -> SystemError? {
        let flags: UInt32 = self == .new ? 1 : 2
        if stade_renameat2(from.descriptor, old, to.descriptor, new, flags) == 0 { return nil }
        return Self.failure(old, from, new, to)
    }

    /// renameat(2), which replaces an empty directory.
    package static func plain(
        _ old: String, in from: Directory, to new: String, in to: Directory
    ) throws(SystemError) {
        if renameat(from.descriptor, old, to.descriptor, new) != 0 {
            throw failure(old, from, new, to)
        }
    }

    private static func failure(
        _ old: String, _ from: Directory, _ new: String, _ to: Directory
    ) -> SystemError {
        let code = errno
        return SystemError(
            "rename to \(escaped(joined(to.path, new)))", joined(from.path, old), errno: code)
    }
}
