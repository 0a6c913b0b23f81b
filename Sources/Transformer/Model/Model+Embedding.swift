import Checkpoint
import Tensors

/// The embedding table and what turns its rows into the first hidden states.
package struct Embedding: Sendable {
    let table: TensorView
    let positions: TensorView?
    let offset: Int
    /// What rows of the table are multiplied by; nil: nothing.
    let scale: Float?
    let projectIn: Linear?
    let norm: NormWeights?
    let placeholders: Placeholders

    /// Writes the hidden states of one sequence that starts at position 0. tokens: `[length]`,
    /// checked against the vocabulary; hidden: `[length, hidden_size]`.
    ///
    /// - Throws: `CheckpointError` for NaN and infinity among what is looked up.
    package func embed(_ tokens: ArraySlice<Int32>, into hidden: MatrixView) throws {
        precondition(tokens.count == hidden.rows, "shapes differ")
        if let projectIn {
            let narrow = Matrix(rows: tokens.count, columns: table.shape[1])
            try look(up: tokens, into: narrow.view)
            projectIn.apply(Operand(narrow.view), into: hidden, using: Products())
        } else {
            try look(up: tokens, into: hidden)
        }
        if let positions {
            add(try positions.matrix(rows: offset..<(offset + tokens.count)).view, to: hidden)
        }
        norm?.apply(hidden, into: hidden)
    }

    /// Gives back the memory of the rows that have been looked up.
    package func release() {
        table.release()
        positions?.release()
    }

    private func look(
        up tokens: ArraySlice<Int32>, into target: MatrixView
    ) throws(CheckpointError) {
        for (index, token) in tokens.enumerated() {
            try table.decodeRow(
                Int(placeholders.lookedUp(token)),
                into: target.part(rows: index..<(index + 1), columns: 0..<target.columns))
        }
        if let scale { Tensors.scale(target, by: scale) }
    }
}

extension Model {
    /// - Parameter input: how products hold their factors. The embedding's factor is of that type,
    ///   as transformers has it in a model that was loaded in it.
    package func embedding(input: ProductInput) throws -> Embedding {
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
        let table = try checkpoint.expect(
            embeddingName,
            shape: [configuration.vocabSize, configuration.embeddingSize])
        var scale: Float?
        if architecture.scalesEmbedding {
            scale = input.rounded(Float(configuration.hiddenSize).squareRoot())
        } else if configuration.multipliers.embedding != 1 {
            scale = configuration.multipliers.embedding
        }
        return Embedding(
            table: table, positions: positions, offset: offset, scale: scale,
            projectIn: try projection(
                names.projectIn, [configuration.hiddenSize, configuration.embeddingSize]),
            norm: try names.embeddingNorm.map { try norm(name($0)) },
            placeholders: configuration.placeholders)
    }

    /// A projection between the embedding's width and the blocks'; nil where they are the same.
    func projection(_ full: String?, _ shape: [Int]) throws -> Linear? {
        guard let full, configuration.embeddingSize != configuration.hiddenSize else { return nil }
        let weights = try checkpoint.expect("\(name(full)).weight", shape: shape)
            .matrix(rows: 0..<shape[0])
        return Linear(weights: weights, bias: nil, input: .float32)
    }
}
