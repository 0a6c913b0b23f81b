import Tensors

extension TensorView {
    /// All elements as float32, or those of a part along the first dimension.
    /// - Throws: `CheckpointError` for NaN and infinity among them.
    package func floats(part: Int? = nil) throws(CheckpointError) -> [Float] {
        let size = (part == nil ? count : count / max(1, shape[0])) * type.size
        let range = ((part ?? 0) * size)..<((part ?? 0) * size + size)
        defer { release(range) }
        return try withBytes(range) { bytes throws(CheckpointError) in
            try checkFinite(bytes, at: range.lowerBound)
            return decode(bytes, type)
        }
    }

    /// The weights of a layer.
    package struct Layer: Sendable {
        package let tensor: TensorView
        /// Along the first of three dimensions, which; nil: the tensor has two.
        package let part: Int?
        /// The rows of the tensor are columns of the layer.
        package let isTransposed: Bool

        package init(tensor: TensorView, part: Int? = nil, isTransposed: Bool = false) {
            self.tensor = tensor
            self.part = part
            self.isTransposed = isTransposed
        }

        fileprivate var rows: Int { tensor.shape[tensor.shape.count - 2] }
    }

    /// As matrices. Their bytes leave memory again.
    /// - Throws: `CheckpointError` for NaN and infinity among them.
    package static func matrices(_ layers: [Layer], pool: WorkerPool) throws -> [Matrix] {
        let matrices = layers.map { layer in
            layer.isTransposed
                ? Matrix(rows: layer.tensor.columns, columns: layer.rows)
                : Matrix(rows: layer.rows, columns: layer.tensor.columns)
        }
        let pieces = layers.enumerated().flatMap { index, layer in
            let row = max(1, layer.tensor.columns * layer.tensor.type.size)
            let rows = max(1, Self.decodedPiece / row)
            return stride(from: 0, to: layer.rows, by: rows).map { start in
                (index, start..<min(start + rows, layer.rows))
            }
        }
        try pool.forEach(pieces.count) { piece in
            let (index, rows) = pieces[piece]
            let (layer, matrix) = (layers[index], matrices[index])
            let first = (layer.part ?? 0) * layer.rows
            let stored = (first + rows.lowerBound)..<(first + rows.upperBound)
            if layer.isTransposed {
                matrix.view.part(rows: 0..<matrix.rows, columns: rows)
                    .copyTransposed(from: try layer.tensor.matrix(rows: stored).view)
            } else {
                try layer.tensor.decodeRows(stored, into: matrix.rows(rows))
            }
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
        try withBytes(part) { bytes throws(CheckpointError) in
            try checkFinite(bytes, at: part.lowerBound)
            decode(bytes, type, into: target)
        }
    }

    /// Row `index` of it, or some columns of that, which stay in memory.
    /// - Throws: `CheckpointError` for NaN and infinity in it.
    package func decodeRow(
        _ index: Int, columns range: Range<Int>? = nil, into target: MatrixView
    ) throws(CheckpointError) {
        let range = range ?? 0..<columns
        let row = index * columns
        let part = ((row + range.lowerBound) * type.size)..<((row + range.upperBound) * type.size)
        try withBytes(part) { bytes throws(CheckpointError) in
            try checkFinite(bytes, at: part.lowerBound)
            decode(bytes, type, into: target)
        }
    }
}
