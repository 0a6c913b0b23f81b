import CLinux
import Glibc
import Synchronization

/// Which paths a manifest may name.
///
/// Below roots, the paths that come back have no symbolic link in them, and whoever opens them
/// later should refuse links too: `File.init(_:_:followSymlinks:)`.
package struct Roots: Sendable {
    package enum Rule: Sendable {
        /// The caller's own rights decide; relative paths are below `base`. For the foreground.
        case unrestricted(base: String)
        /// Only below these directories, with no `..`, no symbolic link and no magic link on the
        /// way; relative paths are tried below each in order. For the daemon.
        case below(read: [String], write: [String])
    }

    package let rule: Rule
    /// Whose own rights must suffice for every path, besides this process's; nil: nobody's. Only
    /// with `Rule.below`.
    let submitter: Submitter?
    private let opened = Opened()

    package init(_ rule: Rule, submitter: Submitter? = nil) {
        self.rule = rule
        self.submitter = submitter
    }

    /// Whether files inside a directory that was named may be links, as they are in a cache of
    /// Hugging Face's hub.
    package var followSymlinks: Bool {
        if case .unrestricted = rule { true } else { false }
    }

    /// An existing directory with an absolute path, named and not opened: `O_PATH`. Asked again, it
    /// is the same one as was looked at before, wherever its path leads to by then. It knows the
    /// links inside it that may be followed.
    /// - Throws: `RootsError`, or `SystemError` where the system refuses.
    package func directoryToRead(_ path: String) throws -> OpenFile {
        try opened.get("directory", path) {
            let found = try locate(path, \.read, missing: RootsError.Reason.notFound)
            guard try found.status().st_mode & S_IFMT == S_IFDIR else {
                throw RootsError(path: path, reason: .notDirectory(found.path))
            }
            try checkReadable(found, named: path)
            guard case .below(let roots, _) = rule else { return found }
            for root in roots {
                if let top = Self.top(root, of: found) {
                    return try following(found, below: top, named: path)
                }
            }
            return found
        }
    }

    /// A root by its path without links; nil where `file` is not below it.
    private static func top(_ root: String, of file: OpenFile) -> OpenFile? {
        guard let opened = try? File(root, stade_o_path | O_DIRECTORY),
            let path = opened.linkFreePath, rest(file.path, path) != nil
        else { return nil }
        return OpenFile(opened, path: path)
    }

    /// The same for a regular file.
    package func fileToRead(_ path: String) throws -> OpenFile {
        try opened.get("file", path) {
            let found = try locate(path, \.read, missing: RootsError.Reason.notFound)
            guard try found.status().st_mode & S_IFMT == S_IFREG else {
                throw RootsError(path: path, reason: .notFile(found.path))
            }
            try checkReadable(found, named: path)
            return found
        }
    }

    /// The parent of a directory to make, and its name: itself it may exist or not.
    package func output(_ path: String) throws -> (parent: OpenFile, name: String) {
        try Self.checkForm(path)
        guard let name = lastName(path), name != "..", name.utf8.count <= NAME_MAX else {
            throw RootsError(path: path, reason: .noName)
        }
        if case .below(_, let roots) = rule, roots.contains(where: { Self.rest(path, $0) == "." }) {
            throw RootsError(path: path, reason: .noName)
        }
        let above = parentPath(path)
        let parent = try opened.get("parent", above) {
            let found = try locate(
                above.isEmpty ? "." : above, named: path, \.write,
                missing: RootsError.Reason.noParent)
            guard try found.status().st_mode & S_IFMT == S_IFDIR else {
                throw RootsError(path: path, reason: .notDirectory(found.path))
            }
            try checkWritable(found, named: path)
            return found
        }
        return (parent, String(name))
    }

    /// Whether a daemon works for somebody else, in directories that are theirs.
    package var actsForOthers: Bool { submitter != nil }

    /// Whose rights paths are checked by, beside this process's.
    package var submitterID: UInt32? { submitter?.uid }

    /// The absolute path of an output.
    package func outputPath(_ path: String) throws -> String {
        let (parent, name) = try output(path)
        return joined(parent.path, name)
    }
}

/// What was looked at once stays open, for whoever asks for it again.
private final class Opened: Sendable {
    private let files = Mutex<[[String]: OpenFile]>([:])

    func get(_ kind: String, _ path: String, _ open: () throws -> OpenFile) throws -> OpenFile {
        if let known = files.withLock({ $0[[kind, path]] }) { return known }
        let file = try open()
        files.withLock { $0[[kind, path]] = file }
        return file
    }
}

extension Roots {
    private struct Directories {
        let read: [String]
        let write: [String]
    }

    /// `original` is what errors name; `path` itself where nil.
    private func locate(
        _ path: String, named original: String? = nil, _ kind: KeyPath<Directories, [String]>,
        missing: ([String]) -> RootsError.Reason
    ) throws -> OpenFile {
        let original = original ?? path
        try Self.checkForm(path)
        switch rule {
        case .unrestricted(let base):
            let full = path.hasPrefix("/") ? path : path == "." ? base : joined(base, path)
            do throws(SystemError) {
                return try OpenFile(naming: full)
            } catch {
                guard error.errno == ENOENT || error.errno == ENOTDIR else { throw error }
                throw RootsError(path: original, reason: missing([full]))
            }
        case .below(let read, let write):
            if path.split(separator: "/").contains("..") {
                throw RootsError(path: original, reason: .parentReference)
            }
            let roots = Directories(read: read, write: write)[keyPath: kind]
            return try locate(path, named: original, below: roots, missing: missing)
        }
    }

    private func locate(
        _ path: String, named original: String, below roots: [String],
        missing: ([String]) -> RootsError.Reason
    ) throws -> OpenFile {
        var places: [String] = []
        for root in roots {
            guard let rest = Self.rest(path, root) else { continue }
            places.append(rest == "." ? root : joined(root, rest))
            do throws(SystemError) {
                let top = try File(root, stade_o_path | O_DIRECTORY)
                let file = try File(rest, beneath: top, stade_o_path)
                let path = file.linkFreePath ?? places[places.count - 1]
                return OpenFile(file, path: path)
            } catch {
                switch error.errno {
                case ENOENT, ENOTDIR: continue
                case ELOOP: throw RootsError(path: original, reason: .link(at: error.path))
                case EXDEV: throw RootsError(path: original, reason: .outside(roots: roots))
                default: throw error
                }
            }
        }
        if places.isEmpty { throw RootsError(path: original, reason: .outside(roots: roots)) }
        throw RootsError(path: original, reason: missing(places))
    }

    private static func checkForm(_ path: String) throws(RootsError) {
        // C would end the path at the NUL, and so name another file than the one that was checked.
        if path.isEmpty || path.utf8.contains(0) {
            throw RootsError(path: path, reason: .malformed)
        }
    }

    /// What of `path` is below `root`, `.` for the root itself; nil where an absolute path is not.
    private static func rest(_ path: String, _ root: String) -> String? {
        let names = path.split(separator: "/").filter { $0 != "." }
        guard path.hasPrefix("/") else { return names.isEmpty ? "." : names.joined(separator: "/") }
        let top = root.split(separator: "/").filter { $0 != "." }
        // By bytes: Swift's equality of strings would take é and e + ´ for the same name.
        guard names.count >= top.count,
            zip(top, names).allSatisfy({ $0.utf8.elementsEqual($1.utf8) })
        else { return nil }
        return names.count == top.count ? "." : names[top.count...].joined(separator: "/")
    }
}

extension File {
    /// Where the open file is, with no link in the path: readlink(2) on /proc/self/fd; nil where
    /// there is no /proc.
    var linkFreePath: String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/fd/\(descriptor)", &buffer, buffer.count)
        guard count > 0, count < buffer.count, buffer[0] == 0x2f else { return nil }
        return String(
            validating: buffer[..<count].lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
