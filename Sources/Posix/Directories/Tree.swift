import Glibc

/// Removes `path` and, where it is a directory, all that is below it. Links are removed, never
/// followed, and no other file system than its own names can be reached. What is not there is done.
///
/// - Parameter parent: where a relative `path` starts.
package func removeTree(
    _ path: String, in parent: CInt = AT_FDCWD, _ bounds: TreeBounds = TreeBounds()
) throws(SystemError) {
    try removeTree(path.utf8CString.map { $0 }, in: parent, path, bounds)
}

/// The same for a name of any bytes, with the closing NUL.
package func removeTree(
    _ name: [CChar], in parent: Directory, _ bounds: TreeBounds = TreeBounds()
) throws(SystemError) {
    let shown = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    try removeTree(name, in: parent.descriptor, joined(parent.path, shown), bounds)
}

private func removeTree(
    _ name: [CChar], in parent: CInt, _ path: String, _ bounds: TreeBounds
) throws(SystemError) {
    var status = stat()
    if fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) != 0 {
        if errno == ENOENT { return }
        throw SystemError("remove", path)
    }
    try bounds.checkOwner(status, path)
    if status.st_mode & S_IFMT == S_IFDIR {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        let descriptor = openat(parent, name, flags)
        if descriptor < 0 { throw SystemError("remove", path) }
        try removeContents(of: File(owning: descriptor, path: path), bounds)
    }
    let flag = status.st_mode & S_IFMT == S_IFDIR ? Int32(AT_REMOVEDIR) : 0
    if unlinkat(parent, name, flag) != 0, errno != ENOENT { throw SystemError("remove", path) }
}

/// Removes all that is in a directory, but not itself.
package func removeContents(
    of directory: borrowing File, _ bounds: TreeBounds = TreeBounds()
) throws(SystemError) {
    // What is removed may hide from the one who lists it meanwhile.
    for _ in 0..<3 {
        var isEmpty = true
        try TreeWalk(bounds).walk(directory) { place throws(SystemError) in
            isEmpty = false
            try bounds.checkOwner(place.status, place.path)
        } file: { place throws(SystemError) in
            if unlinkat(place.parent, place.name, 0) != 0, errno != ENOENT {
                throw SystemError("remove", place.path)
            }
        } leave: { place throws(SystemError) in
            // Not empty: the next round's.
            if unlinkat(place.parent, place.name, AT_REMOVEDIR) != 0, errno != ENOENT,
                errno != ENOTEMPTY, errno != EEXIST
            {
                throw SystemError("remove", place.path)
            }
        }
        if isEmpty { return }
    }
}

/// Makes a directory and all files and directories below it durable: fsync(2) on each, the
/// innermost first. Links and special files are left alone.
package func syncTree(_ path: String) throws(SystemError) {
    try syncTree(File(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
}

package func syncTree(_ directory: borrowing File) throws(SystemError) {
    try TreeWalk(TreeBounds()).walk(directory) { place throws(SystemError) in
        guard place.status.st_mode & S_IFMT == S_IFREG else { return }
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        let descriptor = openat(place.parent, place.name, flags)
        if descriptor < 0 { throw SystemError("open", place.path) }
        try File(owning: descriptor, path: place.path).sync()
    } leave: { place throws(SystemError) in
        if fsync(place.descriptor) != 0 { throw SystemError("fsync", place.path) }
    }
    try directory.sync()
}

/// Bytes that a file, or a directory with all that is below it, takes on its disk; 0 where nothing
/// is there or nothing can be seen. Links are not followed.
package func allocatedBytes(_ path: String) -> Int {
    var status = stat()
    guard lstat(path, &status) == 0 else { return 0 }
    let own = allocatedBytes(status)
    guard status.st_mode & S_IFMT == S_IFDIR,
        let directory = try? File(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    else { return own }
    return own + allocatedBytes(below: directory)
}

/// What all in a directory takes, but not itself.
package func allocatedBytes(below directory: borrowing File) -> Int {
    var sum = 0
    try? TreeWalk(TreeBounds()).walk(directory) { place throws(SystemError) in
        let (next, overflow) = sum.addingReportingOverflow(allocatedBytes(place.status))
        sum = overflow ? .max : next
    }
    return sum
}

/// In units of 512 bytes whatever the file system's are: stat(3type).
private func allocatedBytes(_ status: stat) -> Int { Int(status.st_blocks) * 512 }
