import Glibc

/// Memory for `count` elements, 64-byte aligned, for work that overwrites it again and again. What
/// is in it at first is open.
///
/// Unchecked: threads may write it at the same time as long as no two of them touch the same
/// element.
package final class Buffer<Element: BitwiseCopyable>: @unchecked Sendable {
    package let count: Int
    let start: UnsafeMutablePointer<Element>

    package init(count: Int) {
        self.count = count
        start = allocateAligned(count)
    }

    deinit { free(start) }

    package subscript(index: Int) -> Element {
        get { start[checked(index)] }
        set { start[checked(index)] = newValue }
    }

    /// The bytes of the first `count` elements.
    package func withBytes<Result>(
        ofFirst count: Int, _ body: (RawSpan) throws -> Result
    ) rethrows -> Result {
        precondition(count >= 0 && count <= self.count, "out of range")
        return try body(Span(_unsafeStart: start, count: count).bytes)
    }

    /// All elements, for no other thread meanwhile.
    package func withElements<Result>(
        _ body: (inout MutableSpan<Element>) throws -> Result
    ) rethrows -> Result {
        var elements = MutableSpan(_unsafeStart: start, count: count)
        return try body(&elements)
    }

    private func checked(_ index: Int) -> Int {
        precondition(index >= 0 && index < count, "index out of range")
        return index
    }
}

/// Uninitialised memory for `count` elements, 64-byte aligned; ends with `free`.
func allocateAligned<Element>(_ count: Int) -> UnsafeMutablePointer<Element> {
    var address: UnsafeMutableRawPointer?
    let bytes = max(count, 1) * MemoryLayout<Element>.stride
    if posix_memalign(&address, 64, bytes) != 0 { endOutOfMemory(bytes) }
    return address!.bindMemory(to: Element.self, capacity: max(count, 1))
}
