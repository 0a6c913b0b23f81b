import Checkpoint
import Tensors

/// What comes behind a block's feed-forward.
struct BlockEnd: Sendable {
    let perLayer: PerLayerInput?
    /// What the block's output is multiplied by; nil: nothing.
    let scalar: Float?
}

extension Block {
    /// What comes behind the feed-forward, in place. x: `[rows, hidden_size]`; tokens: `[rows]`.
    func applyEnd(
        to x: MatrixView, _ tokens: ArraySlice<Int32>, _ buffers: EndBuffers
    ) throws {
        try end?.perLayer?.apply(to: x, tokens, norm: norms.perLayer, buffers)
        if let scalar = end?.scalar { scale(x, by: scalar) }
    }
}

/// The buffers that one thread needs for it; empty where the model has no second embedding.
///
/// Unchecked: only one thread at a time uses it, which `Forward` sees to.
final class EndBuffers: @unchecked Sendable {
    /// `[tile, hidden_size]`
    let hidden: Matrix
    /// Both `[tile, hidden_size_per_layer_input]`.
    let part: Matrix
    let gated: Matrix
    let products = Products()

    init(_ model: Model) {
        let size = model.configuration.perLayerSize
        let rows = size == 0 ? 0 : Tile.size
        hidden = Matrix(rows: rows, columns: model.configuration.hiddenSize)
        part = Matrix(rows: rows, columns: size)
        gated = Matrix(rows: rows, columns: size)
    }

    /// What one of them takes, in bytes, with the copy of a product's input.
    static func bytes(_ model: Model) -> Int {
        let size = model.configuration.perLayerSize
        let hidden = model.configuration.hiddenSize
        return size == 0 ? 0 : 4 * Tile.size * (hidden + 2 * size + max(hidden, size))
    }
}

extension Model {
    /// - Throws: `CheckpointError` for NaN and infinity among the weights.
    func end(block: Int, input: ProductInput) throws -> BlockEnd? {
        let perLayer = try perLayerInput(block: block, input: input)
        let scalar = try scalarTensor(block: block)?.floats()[0]
        return perLayer == nil && scalar == nil ? nil : BlockEnd(perLayer: perLayer, scalar: scalar)
    }

    /// The names of the tensors that only the ends of blocks need.
    func endTensors() throws -> [String] {
        var found: [TensorView] = []
        for block in blocks {
            if let scalar = try scalarTensor(block: block) { found.append(scalar) }
        }
        guard let inputs = architecture.perLayerInput, configuration.perLayerSize > 0 else {
            return found.map(\.name)
        }
        found += [
            try perLayerTable(inputs), try perLayerProjection(inputs),
            try tensor(name(inputs.projectionNorm), [configuration.perLayerSize]),
        ]
        let (size, hidden) = (configuration.perLayerSize, configuration.hiddenSize)
        for block in blocks {
            found += [
                try tensor(blockName(inputs.gate, block), [size, hidden]),
                try tensor(blockName(inputs.output, block), [hidden, size]),
            ]
        }
        return found.map(\.name)
    }

    /// Of the norm over what is made of the second embedding, `[hidden_size]`; nil where there is
    /// none.
    func perLayerNormTensor(block: Int) throws -> TensorView? {
        guard let inputs = architecture.perLayerInput, configuration.perLayerSize > 0 else {
            return nil
        }
        return try tensor(blockName(inputs.outputNorm, block), [configuration.hiddenSize])
    }

    func perLayerNorm(block: Int) throws -> NormWeights? {
        try perLayerNormTensor(block: block).map { try weights(of: [($0, nil)], kind: .rms) }
    }

    /// Bytes of what comes behind a block's feed-forward.
    func endBytes(input: ProductInput) -> Int {
        let (size, hidden) = (configuration.perLayerSize, configuration.hiddenSize)
        if size == 0 { return 0 }
        func packed(_ rows: Int, _ columns: Int, _ input: ProductInput) -> Int {
            4 * rows * columns
                + Linear.packedBytes(rows: rows, columns: columns, input: input, parts: [])
        }
        return packed(size, hidden, .float32) + packed(size, hidden, input)
            + packed(hidden, size, input)
    }

    /// Multiply-adds of it for one token.
    var endMultiplyAdds: Int { 3 * configuration.perLayerSize * configuration.hiddenSize }

    private func scalarTensor(block: Int) throws -> TensorView? {
        try architecture.names.blockScalar.map {
            try checkpoint.expect(blockName($0, block), shape: [1])
        }
    }

    private func perLayerTable(_ inputs: Architecture.PerLayerInputs) throws -> TensorView {
        let reader = ConfigReader(
            config: architecture.settings(checkpoint.config), file: checkpoint.directory)
        return try tensor(
            name(inputs.table),
            [
                try reader.size(inputs.vocabularyKey, default: inputs.defaultVocabulary),
                configuration.numHiddenLayers * configuration.perLayerSize,
            ])
    }

    private func perLayerProjection(_ inputs: Architecture.PerLayerInputs) throws -> TensorView {
        try tensor(
            name(inputs.projection),
            [
                configuration.numHiddenLayers * configuration.perLayerSize,
                configuration.hiddenSize,
            ])
    }

    private func perLayerInput(block: Int, input: ProductInput) throws -> PerLayerInput? {
        let (size, hidden) = (configuration.perLayerSize, configuration.hiddenSize)
        guard let inputs = architecture.perLayerInput, size > 0 else { return nil }
        let columns = (block * size)..<((block + 1) * size)
        func linear(
            _ tensor: TensorView, _ rows: Range<Int>, _ input: ProductInput
        ) throws -> Linear {
            Linear(weights: try tensor.matrix(rows: rows), bias: nil, input: input)
        }
        let table = try perLayerTable(inputs)
        return PerLayerInput(
            embedding: try embedding(input: input), table: table, columns: columns,
            tableScale: input.rounded(Float(size).squareRoot()),
            projection: try linear(try perLayerProjection(inputs), columns, .float32),
            projectionScale: Float(1 / Double(hidden).squareRoot()),
            projectionNorm: try weights(
                of: [(try tensor(name(inputs.projectionNorm), [size]), nil)], kind: .rms),
            gate: try linear(
                try tensor(blockName(inputs.gate, block), [size, hidden]), 0..<size, input),
            output: try linear(
                try tensor(blockName(inputs.output, block), [hidden, size]), 0..<hidden, input),
            activation: try activation(block: block), input: input)
    }
}
