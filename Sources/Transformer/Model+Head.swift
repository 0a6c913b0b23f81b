import Checkpoint
import Tensors

extension Model {
    /// Rows of the vocabulary and tokens for which logits are computed at a time.
    private static let vocabularyChunk = 4096
    private static let tokenChunk = 256

    /// What the head needs beside the hidden states, in bytes, on `threads` threads.
    package func headBytes(threads: Int) -> Int {
        // As they are, and packed.
        let weights = 2 * Self.vocabularyChunk * configuration.embeddingSize
        return 4 * (weights + threads * Self.tokenChunk * Self.vocabularyChunk)
    }

    /// The negative log-likelihood of tokens 1..length-1 of every window, summed over all.
    ///
    /// hidden: `[windows * length, hidden_size]`, what the last block left, which is overwritten;
    /// tokens: `[windows * length]`. The vocabulary goes by in pieces, so that neither the head nor
    /// the logits are ever whole in memory.
    package func negativeLogLikelihood(
        _ hidden: Matrix, tokens: ArraySlice<Int32>, length: Int, pool: WorkerPool
    ) throws -> Double {
        let tokens = Array(tokens)
        let windows = tokens.count / length
        precondition(hidden.rows >= windows * length && length > 1, "shapes differ")
        let states = try headInput(hidden, rows: windows * length, pool: pool)
        let head = try checkpoint.expect(
            headName, shape: [configuration.vocabSize, configuration.embeddingSize])
        var sums = [LogSumExp](repeating: LogSumExp(), count: windows * length)
        var targets = [Float](repeating: 0, count: windows * length)
        let pieces = (windows * length + Self.tokenChunk - 1) / Self.tokenChunk
        for start in stride(from: 0, to: configuration.vocabSize, by: Self.vocabularyChunk) {
            let range = start..<min(configuration.vocabSize, start + Self.vocabularyChunk)
            let weights = PackedWeights(try head.matrix(rows: range), as: .float32)
            try sums.withUnsafeMutableBufferPointer { sumBuffer in
                try targets.withUnsafeMutableBufferPointer { targetBuffer in
                    // Each piece writes elements of its own tokens.
                    nonisolated(unsafe) let sums = sumBuffer.baseAddress!
                    nonisolated(unsafe) let targets = targetBuffer.baseAddress!
                    try pool.forEach(
                        pieces,
                        state: {
                            HeadBuffers(rows: Self.tokenChunk, columns: range.count)
                        }
                    ) { piece, buffers in
                        let first = piece * Self.tokenChunk
                        let rows = first..<min(windows * length, first + Self.tokenChunk)
                        let part = buffers.logits.view.prefix(rows.count)
                        buffers.products.multiply(
                            Operand(states.rows(rows)), weights, into: part)
                        for row in rows where row % length != length - 1 {
                            let line = part.row(row - first)
                            sums[row].add(line, range.count)
                            let next = Int(tokens[row + 1])
                            if range.contains(next) { targets[row] = line[next - start] }
                        }
                        states.release(rows)
                    }
                }
            }
        }
        var total = 0.0
        for row in 0..<(windows * length) where row % length != length - 1 {
            total += sums[row].value - Double(targets[row])
        }
        return total
    }

    /// The final norm and, where there is one, the projection to the embedding's width.
    private func headInput(_ hidden: Matrix, rows: Int, pool: WorkerPool) throws -> Matrix {
        let names = architecture.names
        let final = configuration.hasFinalNorm ? try norm(names.finalNorm) : nil
        let project = try projection(
            names.projectOut, [configuration.embeddingSize, configuration.hiddenSize])
        let target =
            project.map { _ in Matrix(rows: rows, columns: configuration.embeddingSize) } ?? hidden
        try pool.forEach(
            (rows + Self.tokenChunk - 1) / Self.tokenChunk, state: { Products() }
        ) { piece, products in
            let first = piece * Self.tokenChunk
            let part = first..<min(rows, first + Self.tokenChunk)
            final?.apply(hidden.rows(part), into: hidden.rows(part))
            project?.apply(
                Operand(hidden.rows(part)), into: target.rows(part), using: products)
            hidden.release(part)
        }
        return target
    }
}

/// What one thread needs for the head.
private final class HeadBuffers {
    /// `[tokens, rows of the vocabulary]`.
    let logits: Matrix
    let products = Products()

    init(rows: Int, columns: Int) { logits = Matrix(rows: rows, columns: columns) }
}
