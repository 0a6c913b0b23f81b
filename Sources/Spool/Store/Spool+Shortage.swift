import Posix

extension Spool {
    /// What is kept free of the spool's disk, so that jobs already accepted can go on: so many
    /// bytes, but no more than this share of the disk where nobody asked for more; and so many
    /// files.
    private static let defaultReserve = 64 << 20
    private static let reservedShare = 20
    private static let reservedFiles = 1024

    /// Why nothing more may be taken into the spool; nil: it may.
    /// - Parameter reserve: in bytes; nil: the default.
    package func shortage(_ reserve: Int?) -> String? {
        guard let space = try? DiskSpace(at: path) else { return nil }
        return Self.shortage(space, reserve, path)
    }

    package static func shortage(_ space: DiskSpace, _ reserve: Int?, _ path: String) -> String? {
        if reserve == 0 { return nil }
        let bytes = reserve ?? min(defaultReserve, space.total / reservedShare)
        let files = min(reservedFiles, space.totalFiles / reservedShare)
        let tail = "kept for jobs that were accepted (limits.reserve)"
        if space.free < bytes {
            return "\(escaped(path)): \(size(space.free)) are free on this disk, and "
                + "\(size(bytes)) are \(tail)"
        }
        if let free = space.freeFiles, free < files {
            return "\(escaped(path)): room for \(free) files is left on this disk, and for "
                + "\(files) it is \(tail)"
        }
        return nil
    }
}
