import Glibc

/// Memory that is used for one thing after the other and is as large as the largest of them.
final class GrowingBuffer {
    private var buffer: UnsafeMutablePointer<UInt8> = allocateAligned(1)
    private var capacity = 1

    deinit { free(buffer) }

    /// At least `bytes` bytes, 64-byte aligned, whose content is lost with the next call.
    func start(bytes: Int) -> UnsafeMutableRawPointer {
        if bytes > capacity {
            free(buffer)
            buffer = allocateAligned(bytes)
            capacity = bytes
        }
        return UnsafeMutableRawPointer(buffer)
    }
}
