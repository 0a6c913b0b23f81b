import Tensors

extension TensorView {
    /// All elements as float32, or those of a part along the first dimension.
    /// - Throws: `CheckpointError` for NaN and infinity among them.
    package func floats(part: Int? = nil) throws(CheckpointError) -> [Float] {
        let size = (part == nil ? count : count / max(1, shape[0])) * type.size
        let range = ((part ?? 0) * size)..<((part ?? 0) * size + size)
        defer { release(range) }
        try checkFinite(range)
        return withBytes(range) { decode($0, type) }
    }

    /// As matrices: tensors of two dimensions, or parts along the first of three. Their bytes leave
    /// memory again.
    /// - Throws: `CheckpointError` for NaN and infinity among them.
    package static func matrices(
        _ tensors: [(tensor: TensorView, part: Int?)], pool: WorkerPool
    ) throws -> [Matrix] {
        let matrices = tensors.map { tensor, _ in
            Matrix(rows: tensor.shape[tensor.shape.count - 2], columns: tensor.columns)
        }
        let pieces = tensors.indices.flatMap { index in
            let row = max(1, matrices[index].columns * tensors[index].tensor.type.size)
            let rows = max(1, Self.decodedPiece / row)
            return stride(from: 0, to: matrices[index].rows, by: rows).map { start in
                (index, start..<min(start + rows, matrices[index].rows))
            }
        }
        try pool.forEach(pieces.count) { piece in
            let (index, rows) = pieces[piece]
            let first = (tensors[index].part ?? 0) * matrices[index].rows
            try tensors[index].tensor.decodeRows(
                (first + rows.lowerBound)..<(first + rows.upperBound),
                into: matrices[index].rows(rows))
        }
        return matrices
    }

    private var columns: Int { shape.last ?? 1 }

    /// Bytes decoded in one go: few enough that they are still in the cache once they are checked.
    private static let decodedPiece = 1 << 20

    /// Rows `range` of it as a matrix. Their bytes leave memory again.
    /// - Throws: `CheckpointError` for NaN and infinity among them.
    package func matrix(rows range: Range<Int>) throws(CheckpointError) -> Matrix {
        let matrix = Matrix(rows: range.count, columns: columns)
        try decodeRows(range, into: matrix.view)
        return matrix
    }

    /// Of all dimensions but the last, rows one after the other.
    private func decodeRows(_ rows: Range<Int>, into target: MatrixView) throws(CheckpointError) {
        let row = columns * type.size
        let part = (rows.lowerBound * row)..<(rows.upperBound * row)
        populate(part)
        defer { release(part) }
        try checkFinite(part)
        withBytes(part) { decode($0, type, into: target) }
    }

    /// Row `index` of it, which stays in memory.
    /// - Throws: `CheckpointError` for NaN and infinity in it.
    package func decodeRow(_ index: Int, into target: MatrixView) throws(CheckpointError) {
        let row = columns * type.size
        let part = (index * row)..<((index + 1) * row)
        try checkFinite(part)
        withBytes(part) { decode($0, type, into: target) }
    }
}
