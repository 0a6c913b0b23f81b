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
        if try !submitter.has([.write, .search], access(to: path)) {
            throw denied(path, original, submitter, "write to")
        }
    }

    /// Every directory above `path` must let the submitter pass.
    private func checkWay(
        to path: String, named original: String, _ submitter: Submitter
    ) throws {
        var directory = "/"
        for name in path.split(separator: "/") {
            if try !submitter.has(.search, access(to: directory)) {
                throw denied(directory, original, submitter, "pass through")
            }
            directory = joined(directory, String(name))
        }
    }

    private func checkReadable(
        _ path: String, named original: String, _ submitter: Submitter, depth: Int
    ) throws {
        let access = try access(to: path)
        switch access.mode & S_IFMT {
        case S_IFREG:
            if !submitter.has(.read, access) { throw denied(path, original, submitter, "read") }
        case S_IFDIR:
            if !submitter.has([.read, .search], access) || depth > Self.maximumDepth {
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

    private func access(to path: String) throws(SystemError) -> FileAccess {
        try FileAccess(File(path, stade_o_path | O_NOFOLLOW))
    }

    private func denied(
        _ path: String, _ original: String, _ submitter: Submitter, _ verb: String
    ) -> RootsError {
        RootsError(
            path: original,
            reason: .denied(at: path, user: userName(submitter.uid), verb: verb))
    }
}
