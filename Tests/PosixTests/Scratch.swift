import Glibc
import Posix
import Testing

/// A directory of its own for a test, with no link in its path; removed when the value goes.
final class Scratch {
    let path: String

    init() throws {
        var template = Array(joined(P_tmpdir, "stade-test-XXXXXX").utf8CString)
        let made = mkdtemp(&template) != nil
        try #require(made)
        let resolved = try #require(realpath(template, nil))
        path = String(cString: resolved)
        free(resolved)
    }

    deinit { try? removeTree(path) }

    subscript(name: String) -> String { joined(path, name) }

    func makeDirectory(_ name: String) { mkdir(self[name], 0o755) }

    func write(_ name: String) throws { try writeFile(self[name], Array(name.utf8)) }

    func link(_ name: String, to target: String) {
        let made = symlink(target, self[name])
        #expect(made == 0)
    }

    func exists(_ name: String) -> Bool {
        var status = stat()
        return lstat(self[name], &status) == 0
    }
}
