import Glibc

/// What is left of a file system for this process: statvfs(3). What it keeps for root does not
/// count.
package struct DiskSpace: Sendable, Hashable {
    /// In bytes.
    package let free: Int
    package let total: Int
    /// How many files there may still be; nil where the file system makes room for them as it goes.
    package let freeFiles: Int?
    package let totalFiles: Int

    package init(free: Int, total: Int, freeFiles: Int? = nil, totalFiles: Int = 0) {
        self.free = free
        self.total = total
        self.freeFiles = freeFiles
        self.totalFiles = totalFiles
    }

    /// Of the file system that `path` is on.
    package init(at path: String) throws(SystemError) {
        var space = statvfs()
        if statvfs(path, &space) != 0 { throw SystemError("statvfs", path) }
        func bytes(_ blocks: some BinaryInteger) -> Int {
            Int(clamping: UInt64(blocks).multipliedReportingOverflow(by: UInt64(space.f_frsize)).0)
        }
        free = bytes(space.f_bavail)
        total = bytes(space.f_blocks)
        totalFiles = Int(clamping: space.f_files)
        freeFiles = totalFiles > 0 ? Int(clamping: space.f_favail) : nil
    }
}
