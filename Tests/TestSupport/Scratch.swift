import Glibc
import Posix

/// A directory of its own for a test, with no link in its path; removed when the value goes.
package final class Scratch: Sendable {
    package let path: String

    /// - Parameter parent: another one for another file system.
    package init(in parent: String = P_tmpdir) throws {
        var template = Array(joined(parent, "stade-test-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil, let resolved = realpath(template, nil) else {
            throw SystemError("mkdtemp", parent)
        }
        path = String(cString: resolved)
        free(resolved)
    }

    deinit { try? removeTree(path) }

    package subscript(name: String) -> String { joined(path, name) }

    /// With the directories above it.
    package func makeDirectory(_ name: String) throws {
        var parent = path
        for part in name.split(separator: "/") {
            parent = joined(parent, String(part))
            guard mkdir(parent, 0o755) == 0 || errno == EEXIST else {
                throw SystemError("mkdir", parent)
            }
        }
    }

    /// Makes the directories above the file, too.
    package func write(_ name: String, _ bytes: [UInt8]) throws {
        try makeDirectory(name.split(separator: "/").dropLast().joined(separator: "/"))
        try writeFile(self[name], bytes)
    }

    package func write(_ name: String, _ text: String) throws {
        try write(name, Array(text.utf8))
    }

    /// A copy of a file of the source tree.
    package func copy(_ source: String, to name: String) throws {
        try write(name, readFile(source))
    }

    package func link(_ name: String, to target: String) throws {
        guard symlink(target, self[name]) == 0 else { throw SystemError("symlink", self[name]) }
    }

    package func read(_ name: String) throws -> [UInt8] { try readFile(self[name]) }

    package func text(_ name: String) throws -> String {
        String(decoding: try read(name), as: UTF8.self)
    }

    package func exists(_ name: String) -> Bool {
        var status = stat()
        return lstat(self[name], &status) == 0
    }

    /// The names in a directory, hidden ones too, sorted.
    package func names(_ directory: String = ".") throws -> [String] {
        try DirectoryEntry.list(File(self[directory], O_RDONLY | O_DIRECTORY))
            .compactMap(\.name).sorted()
    }

    /// All files below a directory, sorted.
    package func files(_ directory: String = ".") throws -> [String] {
        try list(self[directory], below: "").sorted()
    }

    private func list(_ directory: String, below: String) throws -> [String] {
        try DirectoryEntry.list(File(directory, O_RDONLY | O_DIRECTORY)).flatMap { entry in
            guard let entryName = entry.name else { return [String]() }
            let name = below.isEmpty ? entryName : joined(below, entryName)
            return entry.kind == .directory
                ? try list(joined(directory, entryName), below: name) : [name]
        }
    }
}
