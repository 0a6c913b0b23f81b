import Glibc

/// How far a walk through a directory may go. Beyond it stops with a reason: somebody may have made
/// a tree that has no end.
package struct TreeBounds: Sendable {
    /// Directories below the top; each is open while the walk is in it.
    package var depth = 64
    package var entries = 2_000_000
    package var seconds = 600.0
    /// Whose files alone are removed; nil: whoever's.
    package var owner: uid_t?

    package init(owner: uid_t? = nil) { self.owner = owner }

    func checkOwner(_ status: stat, _ path: String) throws(SystemError) {
        if let owner, status.st_uid != owner {
            throw SystemError(
                "remove, for it belongs to \(userName(status.st_uid))", path, errno: EPERM)
        }
    }
}
