import Glibc
import Posix

extension Spool {
    /// Its presence keeps jobs from being started, over restarts too.
    private var drainFile: String { joined(path, "drained") }

    package var isDrained: Bool { access(drainFile, F_OK) == 0 }

    package func setDrained(_ isDrained: Bool) throws(SystemError) {
        if isDrained {
            try writeFile(drainFile, [])
        } else if unlink(drainFile) != 0, errno != ENOENT {
            throw SystemError("remove", drainFile)
        }
        try syncDirectory(path)
    }
}
