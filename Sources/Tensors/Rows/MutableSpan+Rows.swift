extension MutableSpan where Element: BitwiseCopyable {
    /// Row `index` of `[rows, columns]`.
    mutating func withRow(
        _ index: Int, columns: Int, _ body: (UnsafeMutablePointer<Element>) -> Void
    ) {
        precondition(
            index >= 0 && columns >= 0 && (index + 1) * columns <= count, "row out of range")
        withUnsafeMutableBufferPointer {
            if let start = $0.baseAddress { body(start + index * columns) }
        }
    }
}

extension Span where Element: BitwiseCopyable {
    /// Row `index` of `[rows, columns]`.
    func withRow(_ index: Int, columns: Int, _ body: (UnsafePointer<Element>) -> Void) {
        precondition(
            index >= 0 && columns >= 0 && (index + 1) * columns <= count, "row out of range")
        withUnsafeBufferPointer {
            if let start = $0.baseAddress { body(start + index * columns) }
        }
    }
}

/// Copies row `index` of `[rows, columns]` elements.
package func copyRow(
    _ index: Int, of source: Span<UInt8>, to target: inout MutableSpan<UInt8>, columns: Int
) {
    source.withRow(index, columns: columns) { source in
        target.withRow(index, columns: columns) { $0.update(from: source, count: columns) }
    }
}
