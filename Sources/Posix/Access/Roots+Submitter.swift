import CLinux
import Glibc

extension Roots {
    /// Below this many directories nobody keeps a model.
    private static let maximumDepth = 32

    /// Checks that the submitter could open a file, or list a directory and open all that is in it.
    /// - Parameter file: with an absolute path without links.
    func checkReadable(_ file: OpenFile, named original: String) throws {
        guard let submitter else { return }
        try checkWay(to: file, named: original, submitter)
        try checkReadable(
            file.descriptor, file.path, named: original, submitter, depth: 0)
    }

    /// Checks that the submitter could make a name in a directory.
    func checkWritable(_ directory: OpenFile, named original: String) throws {
        guard let submitter else { return }
        try checkWay(to: directory, named: original, submitter)
        if try !submitter.has([.write, .search], access(to: directory)) {
            throw denied(directory.path, original, submitter, "write to")
        }
    }

    /// Every directory above must let the submitter pass. Each is opened in the one before, so that
    /// all of them are on one way; at its end must be the file itself.
    private func checkWay(
        to file: OpenFile, named original: String, _ submitter: Submitter
    ) throws {
        var above = try OpenFile(naming: "/")
        for name in file.path.split(separator: "/") {
            if try !submitter.has(.search, access(to: above)) {
                throw denied(above.path, original, submitter, "pass through")
            }
            above = try OpenFile(
                Self.open(String(name), in: above.descriptor, joined(above.path, String(name))))
        }
        guard try FileIdentity(above.status()) == FileIdentity(file.status()) else {
            throw SystemError("find again", file.path, errno: EAGAIN)
        }
    }

    /// Names a file without following a link.
    private static func open(
        _ name: String, in directory: CInt, _ path: String
    ) throws(SystemError) -> File {
        let descriptor = openat(directory, name, stade_o_path | O_NOFOLLOW | O_CLOEXEC)
        if descriptor < 0 { throw SystemError("find", path) }
        return File(owning: descriptor, path: path)
    }

    private func checkReadable(
        _ descriptor: CInt, _ path: String, named original: String, _ submitter: Submitter,
        depth: Int
    ) throws {
        let access = try FileAccess(descriptor: descriptor, path: path)
        switch access.mode & S_IFMT {
        case S_IFREG:
            if !submitter.has(.read, access) { throw denied(path, original, submitter, "read") }
        case S_IFDIR:
            if !submitter.has([.read, .search], access) || depth > Self.maximumDepth {
                throw denied(path, original, submitter, "list")
            }
            let opened = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            if opened < 0 { throw SystemError("list", path) }
            let directory = File(owning: opened, path: path)
            for name in try DirectoryEntry.list(directory).compactMap(\.name) {
                let file: File
                do throws(SystemError) {
                    file = try Self.open(name, in: opened, joined(path, name))
                } catch {
                    if error.errno == ENOENT { continue }
                    throw error
                }
                try checkReadable(
                    file.descriptor, file.path, named: original, submitter, depth: depth + 1)
            }
        // Special files are not read, and links are looked at by `following`.
        default: break
        }
    }

    private func access(to file: OpenFile) throws(SystemError) -> FileAccess {
        try FileAccess(descriptor: file.descriptor, path: file.path)
    }

    private func denied(
        _ path: String, _ original: String, _ submitter: Submitter, _ verb: String
    ) -> RootsError {
        RootsError(
            path: original,
            reason: .denied(at: path, user: userName(submitter.uid), verb: verb))
    }
}
