import CLinux
import Glibc

extension File {
    /// Reserves `count` bytes on the disk, so that a full disk shows now and not hours later:
    /// posix_fallocate(3). The file is then that long.
    package func allocate(_ count: Int) throws(SystemError) {
        var code: CInt
        repeat { code = posix_fallocate(descriptor, 0, off_t(count)) } while code == EINTR
        if code != 0 { throw SystemError("reserve \(count) bytes", path, errno: code) }
    }

    /// Reads at `offset` until `buffer` is full or the file ends: pread(2).
    /// - Returns: how many bytes there are.
    package func read(
        into buffer: inout MutableRawSpan, at offset: Int
    ) throws(SystemError) -> Int {
        try buffer.withUnsafeMutableBytes { buffer throws(SystemError) in
            var done = 0
            while done < buffer.count {
                let count = pread(
                    descriptor, buffer.baseAddress! + done, buffer.count - done,
                    off_t(offset + done))
                if count < 0 {
                    if errno == EINTR { continue }
                    throw SystemError("read", path)
                }
                if count == 0 { break }
                done += count
            }
            return done
        }
    }

    package func read(into buffer: inout [UInt8], at offset: Int) throws(SystemError) -> Int {
        var elements = buffer.mutableSpan
        var bytes = elements.mutableBytes
        return try read(into: &bytes, at: offset)
    }

    /// Starts to write `range` to the disk and does not wait for it: sync_file_range(2).
    package func startWriteBack(_ range: Range<Int>) throws(SystemError) {
        try writeBack(range, waits: false)
    }

    /// Writes `range` to the disk and takes it out of the page cache, which counts towards a job's
    /// memory limit.
    package func finishWriteBack(_ range: Range<Int>) throws(SystemError) {
        try writeBack(range, waits: true)
        _ = posix_fadvise(
            descriptor, off_t(range.lowerBound), off_t(range.count), POSIX_FADV_DONTNEED)
    }

    /// What the disk refuses is told once for a descriptor, here or by fsync(2), so it must not be
    /// passed over. Whatever else fails is a file system that knows no such call, and waits for
    /// fsync.
    private func writeBack(_ range: Range<Int>, waits: Bool) throws(SystemError) {
        let code = stade_write_back(
            descriptor, Int64(range.lowerBound), Int64(range.count), waits ? 1 : 0)
        if code != 0, [EIO, ENOSPC, EDQUOT].contains(errno) {
            throw SystemError("write", path)
        }
    }
}
