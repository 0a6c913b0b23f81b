import Glibc
import Posix

extension Spool {
    /// Its presence keeps jobs from being started, over restarts too.
    private var drainFile: String { joined(path, Layout.Spool.drained) }

    package var isDrained: Bool {
        var status = stat()
        return lstat(drainFile, &status) == 0
    }

    package func setDrained(_ isDrained: Bool) throws(SystemError) {
        if isDrained { try put([], drainFile) } else { try removeTree(drainFile) }
        try syncDirectory(path)
    }
}
