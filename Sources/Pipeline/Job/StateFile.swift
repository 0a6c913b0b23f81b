import Glibc
import Posix
import Tensors

/// Hidden states on the disk, one matrix after the other: float32, row by row, as they are in
/// memory.
enum StateFile {
    private static let piece = 4 << 20

    /// Writes all states and makes them durable; the file's name is the caller's to sync. Each is
    /// let go with `endReading` as soon as it is copied.
    static func write(
        _ name: String, in directory: Directory, _ states: [SweepStates.Named]
    ) throws -> [SavedJob.States] {
        var waiting = states[...]
        defer { for named in waiting { named.states.endReading() } }
        let file = try directory.open(name, O_RDWR | O_CREAT)
        // At once, so that a full disk shows before anything is copied.
        try file.allocate(max(1, states.reduce(0) { $0 + $1.matrix.byteCount }))
        var saved: [SavedJob.States] = []
        var offset = 0
        for named in states {
            var checksum = Checksum()
            let matrix = named.matrix
            try forEachPiece(of: matrix) { rows, place in
                try matrix.withBytes(ofRows: rows) { bytes in
                    try file.write(bytes, at: offset + place.lowerBound)
                    checksum.add(bytes)
                }
                try file.startWriteBack(offset + place.lowerBound..<offset + place.upperBound)
            }
            named.states.endReading()
            waiting.removeFirst()
            let count = matrix.byteCount
            saved.append(
                SavedJob.States(name: named.name, bytes: count, checksum: checksum.text))
            offset += count
        }
        try file.sync()
        // They are read again only if the job dies.
        _ = posix_fadvise(file.descriptor, 0, 0, POSIX_FADV_DONTNEED)
        return saved
    }

    /// Gives `states` the values that were written under their names.
    /// - Throws: `StaleSnapshot` where the file has others.
    static func read(
        _ name: String, in directory: Directory, _ saved: [SavedJob.States],
        into states: [SweepStates.Named]
    ) throws {
        let matrices = Dictionary(
            states.map { ($0.name, $0.matrix) }, uniquingKeysWith: { first, _ in first })
        guard saved.count == states.count, Set(saved.map(\.name)) == Set(matrices.keys) else {
            throw StaleSnapshot("its hidden states are of other texts")
        }
        let file = try directory.open(name, O_RDONLY | O_NONBLOCK)
        var offset = 0
        for saved in saved {
            guard let matrix = matrices[saved.name], matrix.byteCount == saved.bytes else {
                throw StaleSnapshot("its hidden states have another size")
            }
            var checksum = Checksum()
            try forEachPiece(of: matrix) { rows, place in
                try matrix.withMutableBytes(ofRows: rows) { bytes in
                    let count = try file.read(into: &bytes, at: offset + place.lowerBound)
                    if count < bytes.byteCount {
                        throw StaleSnapshot("its hidden states are cut short")
                    }
                    checksum.add(bytes.bytes)
                }
            }
            guard checksum.text == saved.checksum else {
                throw StaleSnapshot("its hidden states are damaged")
            }
            offset += saved.bytes
        }
        _ = posix_fadvise(file.descriptor, 0, 0, POSIX_FADV_DONTNEED)
    }

    /// The matrix piece by piece: rows, and the place of their bytes; a piece leaves memory where
    /// the matrix lives in a scratch file.
    private static func forEachPiece(
        of matrix: Matrix, _ body: (_ rows: Range<Int>, _ place: Range<Int>) throws -> Void
    ) rethrows {
        let row = matrix.columns * MemoryLayout<Float>.size
        // Whole rows, in numbers that make a piece a multiple of 32 bytes whatever a row has.
        let rows = max(8, piece / max(1, row) / 8 * 8)
        for start in stride(from: 0, to: matrix.rows, by: rows) {
            let part = start..<min(start + rows, matrix.rows)
            defer { matrix.release(part) }
            try body(part, start * row..<part.upperBound * row)
        }
    }
}

extension Matrix {
    fileprivate var byteCount: Int { rows * columns * MemoryLayout<Float>.size }
}

/// There is a snapshot, and the job cannot go on from it.
struct StaleSnapshot: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}
