import Glibc

/// Which file a name leads to: its file system and its number there. As long as the file is open no
/// other one has both.
package struct FileIdentity: Sendable, Hashable {
    package let device: Int
    package let inode: Int

    package init(device: Int, inode: Int) {
        self.device = device
        self.inode = inode
    }

    package init(_ status: stat) {
        device = Int(truncatingIfNeeded: status.st_dev)
        inode = Int(truncatingIfNeeded: status.st_ino)
    }
}
