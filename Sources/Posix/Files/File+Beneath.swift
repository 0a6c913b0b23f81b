import CLinux
import Glibc

extension File {
    /// Opens `path`, which is relative to and stays below `directory`, without following a single
    /// symbolic link on the way: openat2(2) with `RESOLVE_BENEATH`.
    ///
    /// - Throws: `ELOOP` for a link, `EXDEV` for a way out.
    package init(
        _ path: String, beneath directory: borrowing File, _ flags: CInt
    ) throws(SystemError) {
        try self.init(
            at: joined(directory.path, path),
            opened: openBeneath(directory.descriptor, path, flags))
    }

    package init(
        _ path: String, beneath directory: OpenFile, _ flags: CInt
    ) throws(SystemError) {
        try self.init(
            at: joined(directory.path, path),
            opened: openBeneath(directory.descriptor, path, flags))
    }

    /// Opens what `path` leads to, through symbolic links too, as long as all of them stay below
    /// `directory`.
    ///
    /// - Throws: `EXDEV` for a way out, as an absolute link is; `ENOSYS` before Linux 5.6.
    package init(
        followingLinksTo path: String, beneath directory: OpenFile, _ flags: CInt
    ) throws(SystemError) {
        let resolve = UInt64(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS)
        try self.init(
            at: joined(directory.path, path),
            opened: resolved(directory.descriptor, path, flags, resolve))
    }

    /// Opens an absolute path; where `followSymlinks` is false, a link anywhere on it is `ELOOP`.
    package init(_ path: String, _ flags: CInt, followSymlinks: Bool) throws(SystemError) {
        if followSymlinks || !path.hasPrefix("/") {
            try self.init(path, followSymlinks ? flags : flags | O_NOFOLLOW)
            return
        }
        let top = try File("/", stade_o_path | O_DIRECTORY)
        try self.init(
            at: path,
            opened: openBeneath(top.descriptor, String(path.drop { $0 == "/" }), flags))
    }

    /// - Parameter descriptor: less than 0 where opening failed, with errno; it comes last, for
    ///   nothing may change errno before it is read.
    private init(at path: String, opened descriptor: CInt) throws(SystemError) {
        if descriptor < 0 { throw SystemError("open", path) }
        self.init(owning: descriptor, path: path)
    }
}

/// -1 with errno on failure.
private func openBeneath(_ directory: CInt, _ path: String, _ flags: CInt) -> CInt {
    let path = path.isEmpty ? "." : path
    let resolve = UInt64(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)
    let descriptor = resolved(directory, path, flags, resolve)
    // Before Linux 5.6, or a container's filter that does not know the call.
    if descriptor < 0, errno == ENOSYS { return openStepwise(directory, path, flags) }
    return descriptor
}

/// openat2(2), again where something was renamed meanwhile, so that the kernel could not be sure.
private func resolved(
    _ directory: CInt, _ path: String, _ flags: CInt, _ resolve: UInt64
) -> CInt {
    for _ in 0..<16 {
        let descriptor = stade_openat2(directory, path, UInt64(flags | O_CLOEXEC), 0, resolve)
        if descriptor >= 0 { return descriptor }
        if errno != EAGAIN && errno != EINTR { return -1 }
    }
    errno = EAGAIN
    return -1
}

/// What `openBeneath` does, one component at a time: openat(2) with `O_NOFOLLOW`.
func openStepwise(_ directory: CInt, _ path: String, _ flags: CInt) -> CInt {
    var names = path.split(separator: "/").filter { $0 != "." }
    if path.hasPrefix("/") || names.contains("..") {
        errno = EXDEV
        return -1
    }
    let last = names.popLast().map(String.init) ?? "."
    var current = dup(directory)
    for name in names where current >= 0 {
        let next = openat(
            current, String(name), stade_o_path | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        // With O_DIRECTORY a link is reported as ENOTDIR.
        if next < 0, errno == ENOTDIR, isLink(String(name), in: current) { errno = ELOOP }
        closeKeepingErrno(current)
        current = next
    }
    if current < 0 { return -1 }
    defer { closeKeepingErrno(current) }
    if isLink(last, in: current) {
        errno = ELOOP
        return -1
    }
    return openat(current, last, flags | O_NOFOLLOW | O_CLOEXEC)
}

private func isLink(_ name: String, in directory: CInt) -> Bool {
    var status = stat()
    let code = errno
    defer { errno = code }
    return fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0
        && status.st_mode & S_IFMT == S_IFLNK
}

private func closeKeepingErrno(_ descriptor: CInt) {
    let code = errno
    _ = close(descriptor)
    errno = code
}
