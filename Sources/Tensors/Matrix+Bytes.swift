extension Matrix {
    /// All elements, row by row.
    package func withElements<Result>(
        _ body: (UnsafeBufferPointer<Float>) throws -> Result
    ) rethrows -> Result {
        try body(UnsafeBufferPointer(start: start, count: rows * columns))
    }

    /// The bytes of some rows, as they are in memory.
    package func withBytes<Result>(
        of range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        try body(UnsafeRawBufferPointer(bytes(of: range)))
    }

    /// Has the bytes of some rows written.
    package func fillBytes(
        of range: Range<Int>, _ body: (UnsafeMutableRawBufferPointer) throws -> Void
    ) rethrows {
        try body(bytes(of: range))
    }

    private func bytes(of range: Range<Int>) -> UnsafeMutableRawBufferPointer {
        let view = rows(range)
        return UnsafeMutableRawBufferPointer(
            start: view.start, count: range.count * columns * MemoryLayout<Float>.size)
    }
}
