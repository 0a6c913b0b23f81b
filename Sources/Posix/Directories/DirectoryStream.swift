import Glibc

/// The names in a directory, some at a time, so that a look through very many can be spread over
/// time: readdir(3). Names that come or go meanwhile may be missed; none that stays is.
package final class DirectoryStream {
    private let stream: OpaquePointer
    private let path: String

    /// With a description of its own, so that the position is not shared.
    package init(_ directory: borrowing File) throws(SystemError) {
        path = directory.path
        let copy = openat(directory.descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if copy < 0 { throw SystemError("list", path) }
        guard let stream = fdopendir(copy) else {
            let error = SystemError("list", path)
            _ = close(copy)
            throw error
        }
        self.stream = stream
    }

    deinit { closedir(stream) }

    /// Hands over the next names, `limit` at most, each with its closing NUL; `.` and `..` are left
    /// out.
    /// - Returns: whether there may be more.
    package func read(upTo limit: Int, _ body: ([CChar]) -> Void) throws(SystemError) -> Bool {
        for _ in 0..<limit {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw SystemError("list", path) }
                return false
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                Array(bytes.bindMemory(to: CChar.self).prefix { $0 != 0 }) + [0]
            }
            if name != [0x2e, 0] && name != [0x2e, 0x2e, 0] { body(name) }
        }
        return true
    }
}
