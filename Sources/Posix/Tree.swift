import Glibc

/// Removes `path` and, where it is a directory, all that is below it. Links are removed, never
/// followed, and no other file system than its own names can be reached. What is not there is done.
///
/// - Parameter parent: where a relative `path` starts.
package func removeTree(_ path: String, in parent: CInt = AT_FDCWD) throws(SystemError) {
    try remove(path.utf8CString.map { $0 }, in: parent, path: path)
}

private func remove(_ name: [CChar], in parent: CInt, path: String) throws(SystemError) {
    if unlinkat(parent, name, 0) == 0 || errno == ENOENT { return }
    // Linux says EISDIR for a directory, POSIX EPERM.
    guard errno == EISDIR || errno == EPERM else { throw SystemError("remove", path) }
    let descriptor = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    if descriptor < 0 { throw SystemError("remove", path) }
    let directory = File(owning: descriptor, path: path)
    for entry in try DirectoryEntry.list(directory) {
        try remove(entry.bytes, in: descriptor, path: joined(path, entry.name ?? "?"))
    }
    if unlinkat(parent, name, AT_REMOVEDIR) != 0, errno != ENOENT {
        throw SystemError("remove", path)
    }
}

/// Makes a directory and all files and directories below it durable: fsync(2) on each, the innermost
/// first. Links and special files are left alone.
package func syncTree(_ path: String) throws(SystemError) {
    try syncTree(File(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
}

private func syncTree(_ directory: borrowing File) throws(SystemError) {
    for entry in try DirectoryEntry.list(directory) {
        guard entry.kind == .file || entry.kind == .directory else { continue }
        let path = joined(directory.path, entry.name ?? "?")
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        let descriptor = openat(directory.descriptor, entry.bytes, flags)
        if descriptor < 0 { throw SystemError("open", path) }
        let file = File(owning: descriptor, path: path)
        if entry.kind == .directory { try syncTree(file) } else { try file.sync() }
    }
    try directory.sync()
}

/// Bytes that a file, or a directory with all that is below it, takes on its disk; 0 where nothing is
/// there or nothing can be seen. Links are not followed.
package func allocatedBytes(_ path: String) -> Int {
    var status = stat()
    guard lstat(path, &status) == 0 else { return 0 }
    // Units of 512 bytes whatever the file system's are: stat(3type).
    let own = Int(status.st_blocks) * 512
    guard status.st_mode & S_IFMT == S_IFDIR,
        let directory = try? File(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
        let entries = try? DirectoryEntry.list(directory)
    else { return own }
    return entries.compactMap(\.name).reduce(own) { $0 + allocatedBytes(joined(path, $1)) }
}
