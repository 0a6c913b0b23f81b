import CLinux
import Glibc

/// A regular file mapped for reading: mmap(2), private, never written.
///
/// A file that is cut short while it is mapped raises SIGBUS where it is read; the programs run
/// jobs in a process of their own for that reason.
package final class MappedFile: @unchecked Sendable {
    // Unchecked: the mapping is read-only and lives as long as the object.
    package let path: String
    package let bytes: UnsafeRawBufferPointer

    package convenience init(_ path: String) throws(SystemError) {
        // A FIFO would block without O_NONBLOCK, and has no bytes to map.
        try self.init(File(path, O_RDONLY | O_NONBLOCK))
    }

    /// The mapping stays when `file` is closed.
    package init(_ file: borrowing File) throws(SystemError) {
        path = file.path
        let status = try file.status()
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw SystemError(
                "map", path, errno: status.st_mode & S_IFMT == S_IFDIR ? EISDIR : EINVAL)
        }
        let size = Int(status.st_size)
        if size == 0 {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, file.descriptor, 0),
            start != MAP_FAILED
        else { throw SystemError("mmap", path) }
        bytes = UnsafeRawBufferPointer(start: start, count: size)
    }

    /// Maps the pages of `range` at once instead of one fault at a time, several times faster for a
    /// pass over them: madvise(2), a hint that kernels before 5.14 do not know.
    package func populate(_ range: Range<Int>) {
        let page = Int(sysconf(CInt(_SC_PAGESIZE)))
        let first = range.lowerBound / page * page
        guard let start = bytes.baseAddress, first < range.upperBound else { return }
        _ = madvise(
            UnsafeMutableRawPointer(mutating: start + first), range.upperBound - first,
            CInt(stade_madv_populate_read))
    }

    /// Has `range` read into the page cache and does not wait for it: madvise(2), a hint.
    package func readAhead(_ range: Range<Int>) {
        let page = Int(sysconf(CInt(_SC_PAGESIZE)))
        guard let start = bytes.baseAddress else { return }
        // The kernel takes at most a device's read-ahead of one hint: 128 KiB, unless it is set
        // higher.
        for part in stride(
            from: range.lowerBound / page * page, to: range.upperBound, by: 128 << 10)
        {
            _ = madvise(
                UnsafeMutableRawPointer(mutating: start + part),
                min(128 << 10, range.upperBound - part), MADV_WILLNEED)
        }
    }

    /// Gives back the memory of `range`, and what faults in it have mapped around it: 64 KiB at a
    /// time, fault_around_bytes. It is read from the file again when it is touched: madvise(2),
    /// hints whose failure costs nothing but memory.
    package func release(_ range: Range<Int>) {
        let window = 64 << 10
        guard let start = bytes.baseAddress, !range.isEmpty else { return }
        let first = range.lowerBound / window * window
        let end = min((range.upperBound + window - 1) / window * window, bytes.count)
        let address = UnsafeMutableRawPointer(mutating: start + first)
        // The page cache is to part with this before it does with what has been read ahead, which
        // it has not seen used.
        _ = madvise(address, end - first, CInt(stade_madv_cold))
        _ = madvise(address, end - first, MADV_DONTNEED)
    }

    deinit {
        if let start = bytes.baseAddress {
            munmap(UnsafeMutableRawPointer(mutating: start), bytes.count)
        }
    }
}
