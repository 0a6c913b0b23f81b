import CLinux
import Glibc

extension Roots {
    /// Links below a directory that are looked at; a large model has some hundred files. Each is a
    /// descriptor.
    private static let maximumLinks = 600
    private static let maximumDepth = 32

    /// Looks at every link in a directory: one to a regular file below the same root may be
    /// followed, as those of the hub's cache lead into `blobs`. The submitter must have the right
    /// to read the file where it is.
    ///
    /// - Parameters:
    ///   - directory: with an absolute path without links.
    ///   - root: the absolute path without links of the root that it is below.
    ///   - original: what errors name.
    func following(
        _ directory: OpenFile, below root: OpenFile, named original: String
    ) throws -> OpenFile {
        var links: [String: OpenFile.Link] = [:]
        let opened = try File(".", beneath: directory, O_RDONLY | O_DIRECTORY)
        var count = 0
        try look(at: opened, "", depth: 0) { path in
            count += 1
            if count > Self.maximumLinks {
                throw RootsError(path: original, reason: .tooManyLinks(Self.maximumLinks))
            }
            links[path] = try link(path, in: directory, below: root, named: original)
        }
        return links.isEmpty ? directory : try directory.following(links)
    }

    /// Calls `body` with the path of each link.
    private func look(
        at directory: borrowing File, _ path: String, depth: Int,
        _ body: (String) throws -> Void
    ) throws {
        for entry in try DirectoryEntry.list(directory) {
            guard let name = entry.name else { continue }
            let full = path.isEmpty ? name : joined(path, name)
            switch entry.kind {
            case .link: try body(full)
            case .directory where depth < Self.maximumDepth:
                let inner = try File(name, beneath: directory, O_RDONLY | O_DIRECTORY)
                try look(at: inner, full, depth: depth + 1, body)
            default: break
            }
        }
    }

    /// nil for a link that leads nowhere, or not to a regular file.
    private func link(
        _ path: String, in directory: OpenFile, below root: OpenFile, named original: String
    ) throws -> OpenFile.Link? {
        let full = joined(directory.path, path)
        let top = root.path == "/" ? "/" : root.path + "/"
        guard full.hasPrefix(top) else { return nil }
        let file: File
        do throws(SystemError) {
            file = try File(
                followingLinksTo: String(full.dropFirst(top.count)), beneath: root, stade_o_path)
        } catch {
            switch error.errno {
            case EXDEV:
                return .refused(RootsError(path: full, reason: .linkOutside(root: root.path)))
            case ENOENT, ENOTDIR, ELOOP, ENOSYS: return nil
            default: throw error
            }
        }
        guard try file.status().st_mode & S_IFMT == S_IFREG, let place = file.linkFreePath else {
            return nil
        }
        let target = OpenFile(file, path: place)
        do {
            try checkReadable(target, named: full)
        } catch let error as RootsError {
            return .refused(error)
        }
        return .file(target)
    }
}
