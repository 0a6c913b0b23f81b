import Glibc

/// One name in a directory.
package struct DirectoryEntry: Sendable {
    package enum Kind: Sendable { case file, directory, link, other }

    /// With the closing NUL; not always UTF-8.
    package let bytes: [CChar]
    package let kind: Kind

    /// nil where the bytes are not UTF-8.
    package var name: String? {
        String(validating: bytes.dropLast().lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The entries of a directory but `.` and `..`, in the order of their bytes; nothing is opened
    /// and no link followed. readdir(3), fstatat(2).
    package static func list(_ directory: borrowing File) throws(SystemError) -> [DirectoryEntry] {
        // A description of its own, so that the position is not shared.
        let copy = openat(directory.descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if copy < 0 { throw SystemError("list", directory.path) }
        guard let stream = fdopendir(copy) else {
            let error = SystemError("list", directory.path)
            _ = close(copy)
            throw error
        }
        defer { closedir(stream) }
        var result: [DirectoryEntry] = []
        errno = 0
        while let entry = readdir(stream) {
            let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { name in
                Array(name.prefix { $0 != 0 }.map { CChar(bitPattern: $0) }) + [0]
            }
            if let kind = Kind(bytes, in: copy), !isDots(bytes) {
                result.append(DirectoryEntry(bytes: bytes, kind: kind))
            }
            errno = 0
        }
        if errno != 0 { throw SystemError("list", directory.path) }
        return result.sorted { left, right in
            left.bytes.lexicographicallyPrecedes(right.bytes) {
                UInt8(bitPattern: $0) < UInt8(bitPattern: $1)
            }
        }
    }

    private static func isDots(_ bytes: [CChar]) -> Bool {
        bytes == [0x2e, 0] || bytes == [0x2e, 0x2e, 0]
    }
}

extension DirectoryEntry.Kind {
    /// nil where the name has gone meanwhile.
    fileprivate init?(_ name: [CChar], in directory: CInt) {
        var status = stat()
        if fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0 { return nil }
        switch status.st_mode & S_IFMT {
        case S_IFREG: self = .file
        case S_IFDIR: self = .directory
        case S_IFLNK: self = .link
        default: self = .other
        }
    }
}
