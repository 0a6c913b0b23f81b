import CLinux
import Glibc

/// renameat2(2) within one directory.
package enum Rename: Sendable {
    /// Fails with `EEXIST` where the new name is taken: `RENAME_NOREPLACE`.
    case new
    /// Both names exist and change places at once: `RENAME_EXCHANGE`.
    case exchange

    /// - Returns: what went wrong; `EINVAL` where the file system does not know the flag (NFS, some
    ///   FUSE).
    package func callAsFunction(
        _ old: String, _ new: String, in directory: borrowing File
    ) -> SystemError? {
        let flags: UInt32 = self == .new ? 1 : 2
        let parent = directory.descriptor
        if stade_renameat2(parent, old, parent, new, flags) == 0 { return nil }
        let code = errno
        return SystemError("rename to \(escaped(new))", joined(directory.path, old), errno: code)
    }

    /// renameat(2), which replaces an empty directory.
    package static func plain(
        _ old: String, _ new: String, in directory: borrowing File
    ) throws(SystemError) {
        if renameat(directory.descriptor, old, directory.descriptor, new) != 0 {
            let code = errno
            throw SystemError(
                "rename to \(escaped(new))", joined(directory.path, old), errno: code)
        }
    }
}
