import Glibc

/// A row-major matrix of float32, `[rows, columns]`, 64-byte aligned and never copied by
/// assignment.
///
/// Unchecked: threads may write it at the same time as long as no two of them touch the same row,
/// which is how the worker pool shares out work.
package final class Matrix: @unchecked Sendable {
    package let rows: Int
    package let columns: Int
    package let start: UnsafeMutablePointer<Float>
    private let storage: Storage

    /// Bytes behind the last element that may be read: OpenBLAS's `ssyevd` with its kernels for old
    /// and for unknown processors (0.3.21) does so, which without them ends the process now and
    /// then.
    package static let slack = 64

    /// From so many bytes on, a large page more or less does not matter.
    private static let large = 16 << 20

    private enum Storage: Equatable {
        case allocated
        /// Pages of the matrix's own; both in bytes.
        case mapped(Int)
        case scratchFile(Int)
    }

    /// A matrix of zeros in memory. A large one takes no memory before it is written, which then is
    /// a matter of the threads that do that.
    package init(rows: Int, columns: Int) {
        self.rows = rows
        self.columns = columns
        let bytes = rows * columns * MemoryLayout<Float>.size + Self.slack
        if bytes >= 1 << 20 {
            let address = mmap(
                nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            if address == MAP_FAILED { endOutOfMemory(bytes) }
            // Large pages, a hint: reading a matrix of small ones is slowed down by looking them
            // up.
            if bytes >= Self.large { _ = madvise(address, bytes, MADV_HUGEPAGE) }
            start = address!.bindMemory(to: Float.self, capacity: rows * columns)
            storage = .mapped(bytes)
        } else {
            start = allocateAligned(bytes / MemoryLayout<Float>.size)
            start.update(repeating: 0, count: rows * columns)
            storage = .allocated
        }
    }

    /// A matrix of zeros in an empty file, whose pages the kernel may write out when memory is
    /// short; nil where the file cannot be made that large.
    /// - Parameter descriptor: open to read and write, not needed afterwards.
    package init?(rows: Int, columns: Int, scratchFile descriptor: CInt) {
        let bytes = max(rows * columns, 1) * MemoryLayout<Float>.size
        // Allocated at once: a disk that fills up later would end the process with SIGBUS.
        guard posix_fallocate(descriptor, 0, off_t(bytes)) == 0,
            let address = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
            address != MAP_FAILED
        else { return nil }
        self.rows = rows
        self.columns = columns
        start = address.bindMemory(to: Float.self, capacity: rows * columns)
        storage = .scratchFile(bytes)
    }

    /// One row.
    package convenience init(row: [Float]) {
        self.init(rows: 1, columns: row.count)
        start.update(from: row, count: row.count)
    }

    deinit {
        switch storage {
        case .allocated: free(start)
        case .mapped(let bytes), .scratchFile(let bytes): munmap(start, bytes)
        }
    }

    /// The whole matrix.
    package var view: MatrixView {
        MatrixView(self, start: start, rows: rows, columns: columns, stride: columns)
    }

    /// Some rows of it, without a copy.
    package func rows(_ range: Range<Int>) -> MatrixView {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows out of range")
        return MatrixView(
            self, start: start + range.lowerBound * columns, rows: range.count, columns: columns,
            stride: columns)
    }

    /// Its first elements as a matrix of this shape, one row right behind the other, without a
    /// copy.
    package func prefix(rows: Int, columns: Int) -> MatrixView {
        precondition(
            rows >= 0 && rows <= self.rows && columns >= 0 && columns <= self.columns,
            "shape out of range")
        return MatrixView(self, start: start, rows: rows, columns: columns, stride: columns)
    }

    /// Gives back the memory of some rows where the matrix lives in a scratch file, which keeps
    /// them: madvise(2), a hint. Otherwise a process's memory would grow to the whole file all the
    /// same.
    package func release(_ range: Range<Int>) {
        guard case .scratchFile = storage, !range.isEmpty else { return }
        let part = rows(range)
        let page = Int(sysconf(CInt(_SC_PAGESIZE)))
        // A page that other rows share is mapped again when they are touched.
        let first = Int(bitPattern: part.start) / page * page
        let end = Int(bitPattern: part.start + part.rows * part.stride)
        _ = madvise(UnsafeMutableRawPointer(bitPattern: first), end - first, MADV_DONTNEED)
    }

    /// The bytes of some rows of it, to be changed.
    package func withMutableBytes<Result>(
        ofRows range: Range<Int>, _ body: (inout MutableRawSpan) throws -> Result
    ) rethrows -> Result {
        let part = rows(range)
        var bytes = MutableRawSpan(
            _unsafeStart: part.start, byteCount: range.count * columns * MemoryLayout<Float>.size)
        return try body(&bytes)
    }

    /// The bytes of some rows of it.
    package func withBytes<Result>(
        ofRows range: Range<Int>, _ body: (RawSpan) throws -> Result
    ) rethrows -> Result {
        try withMutableBytes(ofRows: range) { try body($0.bytes) }
    }

    /// A copy of some rows of it, in this order.
    package func selecting(rows indices: [Int]) -> Matrix {
        let result = Matrix(rows: indices.count, columns: columns)
        for (target, source) in indices.enumerated() {
            result.view.row(target).update(from: view.row(source), count: columns)
        }
        return result
    }

    /// A copy of some columns of it, in this order.
    package func selecting(columns indices: [Int]) -> Matrix {
        let result = Matrix(rows: rows, columns: indices.count)
        for row in 0..<rows {
            let (source, target) = (view.row(row), result.view.row(row))
            for (place, column) in indices.enumerated() { target[place] = source[column] }
        }
        return result
    }

    /// Copies `other`, which must have the same shape.
    package func copy(from other: Matrix) {
        precondition(rows == other.rows && columns == other.columns, "shapes differ")
        start.update(from: other.start, count: rows * columns)
    }
}
