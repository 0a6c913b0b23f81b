import CLinux
import Glibc

extension Roots {
    /// Below this many directories nobody keeps a model.
    private static let maximumDepth = 32

    /// Checks that the submitter could open a file, or list a directory and open all that is in it.
    /// - Parameter path: absolute and without links.
    func checkReadable(_ path: String, named original: String) throws {
        guard let submitter else { return }
        try checkWay(to: path, named: original, submitter)
        try checkReadable(path, named: original, submitter, depth: 0)
    }

    /// Checks that the submitter could make a name in the directory `path`.
    func checkWritable(_ path: String, named original: String) throws {
        guard let submitter else { return }
        try checkWay(to: path, named: original, submitter)
        let status = try status(of: path)
        if !submitter.has([.write, .search], status) {
            throw denied(path, original, submitter, "write to")
        }
    }

    /// Every directory above `path` must let the submitter pass.
    private func checkWay(
        to path: String, named original: String, _ submitter: Submitter
    ) throws {
        var directory = "/"
        for name in path.split(separator: "/") {
            if try !submitter.has(.search, status(of: directory)) {
                throw denied(directory, original, submitter, "pass through")
            }
            directory = joined(directory, String(name))
        }
    }

    private func checkReadable(
        _ path: String, named original: String, _ submitter: Submitter, depth: Int
    ) throws {
        let status = try status(of: path)
        switch status.st_mode & S_IFMT {
        case S_IFREG:
            if !submitter.has(.read, status) { throw denied(path, original, submitter, "read") }
        case S_IFDIR:
            if !submitter.has([.read, .search], status) || depth > Self.maximumDepth {
                throw denied(path, original, submitter, "list")
            }
            let directory = try File(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
            for name in try DirectoryEntry.list(directory).compactMap(\.name) {
                try checkReadable(
                    joined(path, name), named: original, submitter, depth: depth + 1)
            }
        // Links and special files are not read.
        default: break
        }
    }

    private func status(of path: String) throws(SystemError) -> stat {
        var status = stat()
        if lstat(path, &status) != 0 { throw SystemError("stat", path) }
        return status
    }

    private func denied(
        _ path: String, _ original: String, _ submitter: Submitter, _ verb: String
    ) -> RootsError {
        RootsError(
            path: original,
            reason: .denied(at: path, user: userName(submitter.uid), verb: verb))
    }
}
