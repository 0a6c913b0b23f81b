import Checkpoint
import Tensors

/// The embedding table and what turns its rows into the first hidden states.
package struct Embedding: Sendable {
    let table: TensorView
    let positions: TensorView?
    let offset: Int
    let projectIn: Linear?

    /// Writes the hidden states of one sequence that starts at position 0. tokens: `[length]`, checked
    /// against the vocabulary; hidden: `[length, hidden_size]`.
    package func embed(_ tokens: ArraySlice<Int32>, into hidden: MatrixView) {
        precondition(tokens.count == hidden.rows, "shapes differ")
        if let projectIn {
            let narrow = Matrix(rows: tokens.count, columns: table.shape[1])
            look(up: tokens, into: narrow.view)
            // A view does not keep its matrix.
            withExtendedLifetime(narrow) {
                projectIn.apply(Operand(narrow.view), into: hidden, using: Products())
            }
        } else {
            look(up: tokens, into: hidden)
        }
        if let positions {
            let rows = positions.matrix(rows: offset..<(offset + tokens.count))
            add(rows.view, to: hidden)
        }
    }

    private func look(up tokens: ArraySlice<Int32>, into target: MatrixView) {
        let row = table.shape[1] * table.type.size
        for (index, token) in tokens.enumerated() {
            let start = Int(token) * row
            decode(
                UnsafeRawBufferPointer(rebasing: table.bytes[start..<(start + row)]), table.type,
                into: target.row(index), count: table.shape[1])
        }
    }
}

extension Model {
    package func embedding() throws -> Embedding {
        let configuration = configuration
        let names = architecture.names
        var positions: TensorView?
        var offset = 0
        if let table = names.positions, case .learned(let first) = architecture.position {
            offset = first
            positions = try checkpoint.expect(
                "\(name(table)).weight",
                shape: [configuration.maxPositionEmbeddings + first, configuration.hiddenSize])
        }
        return Embedding(
            table: try checkpoint.expect(
                "\(name(names.embedding)).weight",
                shape: [configuration.vocabSize, configuration.embeddingSize]),
            positions: positions, offset: offset,
            projectIn: try projection(
                names.projectIn, [configuration.hiddenSize, configuration.embeddingSize]))
    }

    /// A projection between the embedding's width and the blocks'; nil where they are the same.
    func projection(_ full: String?, _ shape: [Int]) throws -> Linear? {
        guard let full, configuration.embeddingSize != configuration.hiddenSize else { return nil }
        let weights = try checkpoint.expect("\(name(full)).weight", shape: shape).matrix()
        return Linear(weights: weights, bias: nil, input: .float32)
    }
}
