import Checkpoint
import Tensors

extension Model {
    /// Rows of the vocabulary and tokens for which logits are computed at a time.
    private static let vocabularyChunk = 4096
    private static let tokenChunk = 256

    /// What `predict` needs beside the hidden states, in bytes, on `threads` threads.
    package func predictionBytes(tokens: Int, models: Int, threads: Int) -> Int {
        let (hidden, width) = (configuration.hiddenSize, configuration.embeddingSize)
        // As they are, and packed.
        let weights = 2 * Self.vocabularyChunk * width
        let projection = hidden == width ? 0 : 2 * hidden * width
        let buffers =
            Self.tokenChunk * (min(models, 2) * Self.vocabularyChunk + hidden + width)
        // What comes out is put together when the weights are gone.
        let predictions = tokens * models * MemoryLayout<TokenPrediction>.stride
        return max(4 * (weights + projection + threads * buffers), predictions)
            + predictions + tokens * MemoryLayout<NextToken>.stride
    }

    /// What some models that share this one's norm and head say of `tokens`.
    ///
    /// states: of each model what the last block left, `[rows, hidden_size]` for each part that the
    /// tokens name; they stay as they are. The first is the one that the others are compared with.
    /// The vocabulary goes by in pieces, so that neither the head nor the logits are ever whole in
    /// memory.
    ///
    /// - Parameter finished: called after each piece, from any thread; what it throws ends the
    ///   work.
    /// - Returns: `[models][tokens]`.
    package func predict(
        _ tokens: [NextToken], from states: [[Matrix]], pool: WorkerPool,
        finished: @Sendable () throws -> Void = {}
    ) throws -> [ArraySlice<TokenPrediction>] {
        let names = architecture.names
        let final = configuration.hasFinalNorm ? try norm(name(names.finalNorm)) : nil
        let project = try projection(
            names.projectOut, [configuration.embeddingSize, configuration.hiddenSize])
        let head = try checkpoint.expect(
            headName, shape: [configuration.vocabSize, configuration.embeddingSize])
        let bias = try headBias?.floats()
        let models = states.count
        // `[tokens][models]`.
        var predictions = [TokenPrediction](
            repeating: TokenPrediction(), count: tokens.count * models)
        for start in stride(from: 0, to: configuration.vocabSize, by: Self.vocabularyChunk) {
            let range = start..<min(configuration.vocabSize, start + Self.vocabularyChunk)
            let weights = PackedWeights(try head.matrix(rows: range), as: .float32)
            try pool.forEachChunk(
                ofRows: tokens.count, by: Self.tokenChunk, writing: &predictions,
                state: {
                    HeadBuffers(
                        rows: Self.tokenChunk, model: self, columns: range.count, models: models)
                }
            ) { rows, predictions, buffers in
                let reference = buffers.logits[0].view.prefix(rows.count)
                for (model, states) in states.enumerated() {
                    let input = buffers.input(tokens[rows], of: states, final, project)
                    let logits = buffers.logits[min(model, 1)].view.prefix(rows.count)
                    buffers.products.multiply(
                        Operand(input), weights, bias: bias.map { Array($0[range]) }, into: logits)
                    let factor = configuration.multipliers.logits
                    if factor != 1 { scale(logits, by: factor) }
                    if let cap = configuration.logitSoftcap { softcap(logits, at: cap) }
                    for (row, place) in rows.enumerated() {
                        predictions[row * models + model].add(
                            logits, row: row, from: start, of: tokens[place].token,
                            reference: model > 0 ? reference : nil)
                    }
                }
                try finished()
            }
        }
        return states.indices.map { model in
            tokens.indices.map { predictions[$0 * models + model] }[...]
        }
    }
}

/// What one thread needs for the head.
private final class HeadBuffers {
    /// Of the model that is compared with, and of another: `[tokens, rows of the vocabulary]`.
    let logits: [Matrix]
    let products = Products()
    /// `[tokens, hidden_size]`
    private let hidden: Matrix
    /// `[tokens, embedding's width]`, where that is another.
    private let projected: Matrix?

    init(rows: Int, model: Model, columns: Int, models: Int) {
        let (width, inner) = (model.configuration.hiddenSize, model.configuration.embeddingSize)
        logits = (0..<min(models, 2)).map { _ in Matrix(rows: rows, columns: columns) }
        hidden = Matrix(rows: rows, columns: width)
        projected = width == inner ? nil : Matrix(rows: rows, columns: inner)
    }

    /// What the head reads for some tokens: their rows after the final norm and, where there is
    /// one, the projection to the embedding's width.
    func input(
        _ tokens: ArraySlice<NextToken>, of states: [Matrix], _ final: NormWeights?,
        _ project: Linear?
    ) -> MatrixView {
        let rows = hidden.view.prefix(tokens.count)
        for (index, token) in tokens.enumerated() {
            rows.part(rows: index..<(index + 1), columns: 0..<rows.columns)
                .copy(from: states[Int(token.part)].rows(token.row..<(token.row + 1)))
        }
        for (part, tokens) in Dictionary(grouping: tokens, by: \.part) {
            let used = tokens.map(\.row)
            if let first = used.min(), let last = used.max() {
                states[Int(part)].release(first..<(last + 1))
            }
        }
        final?.apply(rows, into: rows)
        guard let project, let projected else { return rows }
        let narrow = projected.view.prefix(tokens.count)
        project.apply(Operand(rows), into: narrow, using: products)
        return narrow
    }
}
