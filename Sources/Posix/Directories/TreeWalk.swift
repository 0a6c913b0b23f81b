import CLinux
import Glibc

/// Goes through all that is below a directory, by descriptors and without recursion: each directory
/// is open while the walk is in it. Links are met, not followed; other file systems are not
/// entered.
struct TreeWalk {
    /// A name that the walk has come to.
    struct Place {
        /// The directory that has the name.
        let parent: CInt
        /// With the closing NUL.
        let name: [CChar]
        let status: stat
        /// Of the directory of that name while the walk is in it; else -1.
        let descriptor: CInt
        fileprivate let directory: String

        /// For messages only.
        var path: String {
            joined(
                directory,
                String(
                    decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
    }

    typealias Visit = (Place) throws(SystemError) -> Void

    private let bounds: TreeBounds

    init(_ bounds: TreeBounds) { self.bounds = bounds }

    /// A directory that the walk is in.
    private final class Level {
        let stream: OpaquePointer
        let descriptor: CInt
        let path: String
        /// As its parent has it; nil for the top.
        let place: Place?

        /// Takes the descriptor over.
        init(_ descriptor: CInt, _ path: String, _ place: Place?) throws(SystemError) {
            guard let stream = fdopendir(descriptor) else {
                let error = SystemError("list", path)
                close(descriptor)
                throw error
            }
            self.stream = stream
            self.descriptor = descriptor
            self.path = path
            self.place = place
        }

        deinit { closedir(stream) }
    }

    /// - Parameters:
    ///   - visit: called for every name before anything else.
    ///   - file: then for all but directories.
    ///   - leave: for a directory when all in it is done.
    func walk(
        _ top: borrowing File, visit: Visit, file: Visit = { _ throws(SystemError) in },
        leave: Visit = { _ throws(SystemError) in }
    ) throws(SystemError) {
        let start = ContinuousClock.now
        var count = 0
        // A description of its own, so that the position is not shared.
        let copy = openat(top.descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if copy < 0 { throw SystemError("list", top.path) }
        var levels = [try Level(copy, top.path, nil)]
        while let level = levels.last {
            guard let name = try next(level) else {
                if let place = level.place {
                    try leave(
                        Place(
                            parent: place.parent, name: place.name, status: place.status,
                            descriptor: level.descriptor, directory: place.directory))
                }
                levels.removeLast()
                continue
            }
            count += 1
            if count > bounds.entries {
                throw Self.beyond("go through, for it has more than \(bounds.entries) names", top)
            }
            if count % 256 == 0, ContinuousClock.now - start > .seconds(bounds.seconds) {
                throw Self.beyond("go through within \(Int(bounds.seconds)) seconds", top)
            }
            var status = stat()
            // It may have gone meanwhile.
            if fstatat(level.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) != 0 { continue }
            let place = Place(
                parent: level.descriptor, name: name, status: status, descriptor: -1,
                directory: level.path)
            try visit(place)
            guard status.st_mode & S_IFMT == S_IFDIR else {
                try file(place)
                continue
            }
            if levels.count > bounds.depth {
                throw Self.beyond(
                    "go through, for it is deeper than \(bounds.depth) directories", top)
            }
            levels.append(try Level(enter(place), place.path, place))
        }
    }

    private static func beyond(_ what: String, _ top: borrowing File) -> SystemError {
        SystemError(what, top.path, errno: E2BIG)
    }

    /// The next name of a directory but `.` and `..`: readdir(3).
    private func next(_ level: Level) throws(SystemError) -> [CChar]? {
        while true {
            errno = 0
            guard let entry = readdir(level.stream) else {
                if errno != 0 { throw SystemError("list", level.path) }
                return nil
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                Array(bytes.prefix { $0 != 0 }.map { CChar(bitPattern: $0) }) + [0]
            }
            if name != [0x2e, 0], name != [0x2e, 0x2e, 0] { return name }
        }
    }

    /// Opens a directory of the same file system.
    private func enter(_ place: Place) throws(SystemError) -> CInt {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        let resolve = UInt64(RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH)
        var descriptor = stade_openat2(place.parent, place.name, UInt64(flags), 0, resolve)
        if descriptor < 0, errno == ENOSYS || errno == EAGAIN {
            descriptor = openat(place.parent, place.name, flags)
            var (here, above) = (stat(), stat())
            if descriptor >= 0,
                fstat(descriptor, &here) != 0 || fstat(place.parent, &above) != 0
                    || here.st_dev != above.st_dev
            {
                close(descriptor)
                descriptor = -1
                errno = EXDEV
            }
        }
        if descriptor < 0 { throw SystemError("open", place.path) }
        return descriptor
    }
}
