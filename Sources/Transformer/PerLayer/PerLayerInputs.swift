import Checkpoint
import Tensors

extension Architecture {
    /// How a family's configuration and checkpoint say a second embedding, of which each block has
    /// a part. Names are without `.weight`.
    package struct PerLayerInputs: Sendable {
        /// Features of each block's part; 0: there is none.
        package var sizeKey = "hidden_size_per_layer_input"
        package var defaultSize = 256
        package var vocabularyKey = "vocab_size_per_layer_input"
        package var defaultVocabulary = 262_144
        /// `[vocab_size_per_layer_input, blocks * size]`
        package var table = "model.embed_tokens_per_layer"
        /// Makes of the first embedding what is added to the second, `[blocks * size,
        /// hidden_size]`.
        package var projection = "model.per_layer_model_projection"
        package var projectionNorm = "model.per_layer_projection_norm"
        /// Inside a block: `[size, hidden_size]` and back.
        package var gate = "per_layer_input_gate"
        package var output = "per_layer_projection"
        package var outputNorm = "post_per_layer_input_norm"
    }
}

/// A block's part of the second embedding, and what the block makes of it: x + norm(output(f(gate
/// x) * part)).
///
/// Source: `project_per_layer_inputs` and `Gemma4TextDecoderLayer` in `modeling_gemma4.py` of
/// transformers. Its layers are no layers that are pruned.
struct PerLayerInput: Sendable {
    /// The first embedding.
    let embedding: Embedding
    let table: TensorView
    /// Of the table.
    let columns: Range<Int>
    let tableScale: Float
    let projection: Linear
    let projectionScale: Float
    let projectionNorm: NormWeights
    let gate: Linear
    let output: Linear
    let activation: BlockActivation
    /// Of gate and output.
    let input: ProductInput

    /// x: `[rows, hidden_size]`; tokens: `[rows]`; norm: over what is added.
    func apply(
        to x: MatrixView, _ tokens: ArraySlice<Int32>, norm: NormWeights?, _ buffers: EndBuffers
    ) throws {
        let rows = x.rows
        let hidden = buffers.hidden.prefix(rows: rows, columns: x.columns)
        let part = buffers.part.prefix(rows: rows, columns: columns.count)
        let gated = buffers.gated.prefix(rows: rows, columns: columns.count)
        let products = buffers.products
        try look(up: tokens, into: part, buffers)
        gate.apply(products.left(x, as: input), into: gated, using: products)
        activation.apply(gated)
        multiply(gated, by: part)
        output.apply(products.left(gated, as: input), into: hidden, using: products)
        norm?.apply(hidden, into: hidden)
        add(hidden, to: x)
    }

    /// The part itself, `[rows, hidden_size_per_layer_input]`. tokens: `[rows]`.
    func look(
        up tokens: ArraySlice<Int32>, into part: MatrixView, _ buffers: EndBuffers
    ) throws {
        precondition(tokens.count == part.rows, "a token for each row")
        let hidden = buffers.hidden.prefix(rows: part.rows, columns: projection.columns)
        let own = buffers.gated.prefix(rows: part.rows, columns: columns.count)
        let products = buffers.products
        try embedding.embed(tokens, into: hidden)
        projection.apply(Operand(hidden), into: part, using: products)
        scale(part, by: projectionScale)
        projectionNorm.apply(part, into: part)
        for (row, token) in tokens.enumerated() {
            try table.decodeRow(
                Int(embedding.placeholders.lookedUp(token)), columns: columns,
                into: own.part(rows: row..<(row + 1), columns: 0..<columns.count))
        }
        scale(own, by: tableScale)
        add(own, to: part)
        scale(part, by: Float(0.5.squareRoot()))
    }

    /// Gives back the memory of the rows that have been looked up.
    func release() {
        embedding.release()
        table.release()
    }
}
