import Tensors

extension TensorView {
    /// All elements as float32.
    /// - Throws: `CheckpointError` for NaN and infinity among them.
    package func floats() throws(CheckpointError) -> [Float] {
        defer { release() }
        return try withBytes(0..<byteCount) { bytes throws(CheckpointError) in
            try checkFinite(bytes, at: 0)
            return decode(bytes, type)
        }
    }

    /// As matrices; the tensors must have two dimensions. Their bytes leave memory again.
    /// - Parameter areColumns: the rows of the tensors are columns of the matrices.
    /// - Throws: `CheckpointError` for NaN and infinity among them.
    package static func matrices(
        _ tensors: [TensorView], areColumns: Bool = false, pool: WorkerPool
    ) throws -> [Matrix] {
        let matrices = tensors.map { tensor in
            areColumns
                ? Matrix(rows: tensor.shape[1], columns: tensor.shape[0])
                : Matrix(rows: tensor.shape[0], columns: tensor.shape[1])
        }
        let pieces = tensors.indices.flatMap { index in
            let row = max(1, tensors[index].shape[1] * tensors[index].type.size)
            let rows = max(1, Self.decodedPiece / row)
            return stride(from: 0, to: tensors[index].shape[0], by: rows).map { start in
                (index, start..<min(start + rows, tensors[index].shape[0]))
            }
        }
        try pool.forEach(pieces.count) { piece in
            let (index, rows) = pieces[piece]
            if areColumns {
                let matrix = matrices[index]
                matrix.view.part(rows: 0..<matrix.rows, columns: rows)
                    .copyTransposed(from: try tensors[index].matrix(rows: rows).view)
            } else {
                try tensors[index].decodeRows(rows, into: matrices[index].rows(rows))
            }
        }
        return matrices
    }

    /// Bytes decoded in one go: few enough that they are still in the cache once they are checked.
    private static let decodedPiece = 1 << 20

    /// Rows `range` of it as a matrix. Their bytes leave memory again.
    /// - Throws: `CheckpointError` for NaN and infinity among them.
    package func matrix(rows range: Range<Int>) throws(CheckpointError) -> Matrix {
        let matrix = Matrix(rows: range.count, columns: shape[1])
        try decodeRows(range, into: matrix.view)
        return matrix
    }

    private func decodeRows(_ rows: Range<Int>, into target: MatrixView) throws(CheckpointError) {
        let row = shape[1] * type.size
        let part = (rows.lowerBound * row)..<(rows.upperBound * row)
        populate(part)
        defer { release(part) }
        try withBytes(part) { bytes throws(CheckpointError) in
            try checkFinite(bytes, at: part.lowerBound)
            decode(bytes, type, into: target)
        }
    }

    /// Row `index` of it, which stays in memory.
    /// - Throws: `CheckpointError` for NaN and infinity in it.
    package func decodeRow(_ index: Int, into target: MatrixView) throws(CheckpointError) {
        let row = shape[1] * type.size
        let part = (index * row)..<((index + 1) * row)
        try withBytes(part) { bytes throws(CheckpointError) in
            try checkFinite(bytes, at: part.lowerBound)
            decode(bytes, type, into: target)
        }
    }
}
