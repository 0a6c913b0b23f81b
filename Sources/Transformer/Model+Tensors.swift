import Checkpoint
import Synchronization
import Tensors

extension Model {
    /// Finds every tensor that the forward pass needs; all others go along as they are.
    /// - Returns: their names.
    /// - Throws: `CheckpointError` or `ModelError` where one is missing or wrong.
    package func usedTensors() throws -> Set<String> {
        var found: Set<String> = []
        func keep(_ tensors: TensorView?...) { found.formUnion(tensors.compactMap { $0?.name }) }
        let names = architecture.names
        let table = [configuration.vocabSize, configuration.embeddingSize]
        keep(try checkpoint.expect(embeddingName, shape: table))
        keep(try checkpoint.expect(headName, shape: table), try headBias)
        if let positions = names.positions, case .learned(let offset) = architecture.position {
            keep(
                try tensor(
                    positions,
                    [configuration.maxPositionEmbeddings + offset, configuration.hiddenSize]))
        }
        if configuration.embeddingSize != configuration.hiddenSize {
            let (width, inner) = (configuration.hiddenSize, configuration.embeddingSize)
            if let name = names.projectIn { keep(try tensor(name, [width, inner])) }
            if let name = names.projectOut { keep(try tensor(name, [inner, width])) }
        }
        for norm in [names.embeddingNorm, configuration.hasFinalNorm ? names.finalNorm : nil] {
            guard let norm else { continue }
            let (weight, bias) = try normTensors(norm)
            keep(weight, bias)
        }
        for index in 0..<configuration.numHiddenLayers {
            found.formUnion(try checkNorms(block: index))
            found.formUnion(try activationTensors(block: index).map(\.name))
            for key in layers(block: index) {
                let layer = layerName(key, block: index)
                let shape = shape(key, block: index)
                keep(try weights(key, block: index))
                if hasBias(key, block: index) {
                    keep(try checkpoint.expect("\(layer).bias", shape: [shape.rows]))
                } else if checkpoint.tensor(named: "\(layer).bias") != nil {
                    throw ModelError(
                        file: checkpoint.directory,
                        reason: .unexpectedBias(tensor: "\(layer).bias"))
                }
            }
        }
        return found
    }

    /// Reads the weights of one block into memory, on the threads of `pool`.
    ///
    /// - Throws: `CheckpointError` for NaN and infinity among them.
    package func loadBlock(
        _ index: Int, input: ProductInput, pool: WorkerPool = WorkerPool(width: 1)
    ) throws -> Block {
        let keys = layers(block: index)
        let shape = blockShape(index)
        let tensors = try keys.map { try weights($0, block: index) }
        let matrices = try TensorView.matrices(
            tensors, areColumns: architecture.storesColumns, pool: pool)
        let biases = try keys.map { key in
            hasBias(key, block: index)
                ? try checkpoint.expect(
                    "\(layerName(key, block: index)).bias",
                    shape: [self.shape(key, block: index).rows]
                ).floats() : nil
        }
        let layers = Mutex<[LayerKey: Linear]>([:])
        try pool.forEach(keys.count) { place in
            let layer = Linear(
                weights: matrices[place], bias: biases[place], input: input,
                parts: parts(keys[place], block: index, in: shape))
            layers.withLock { $0[keys[place]] = layer }
        }
        return Block(
            index: index, layers: layers.withLock { $0 }, norms: try norms(block: index),
            activation: try activation(block: index), shape: shape, input: input)
    }

    /// The tensor of a layer's weights.
    package func weights(_ layer: LayerKey, block: Int) throws -> TensorView {
        try checkpoint.expect(
            "\(layerName(layer, block: block)).weight",
            shape: stored(shape(layer, block: block)))
    }

    /// Whether weights are stored as `[in, out]`.
    package var storesColumns: Bool { architecture.storesColumns }

    /// The shape of the tensor of weights of such a shape.
    package func stored(_ shape: Shape) -> [Int] {
        storesColumns ? [shape.columns, shape.rows] : shape.dimensions
    }

    /// Weights as they are stored; the same matrix where that is `[out, in]`.
    package func stored(_ weights: Matrix) -> Matrix {
        guard storesColumns else { return weights }
        let matrix = Matrix(rows: weights.columns, columns: weights.rows)
        matrix.view.copyTransposed(from: weights.view)
        return matrix
    }

    /// How many weights each layer has.
    package var layerSizes: [Int] {
        blocks.flatMap { block in layers(block: block).map { shape($0, block: block).count } }
    }

    /// Bytes of one block's weights in memory: as they are, and packed for products.
    package func blockBytes(_ block: Int, input: ProductInput) -> Int {
        layers(block: block).reduce(0) { sum, layer in
            sum + 4 * shape(layer, block: block).count
                + packedBytes(layer, block: block, input: input)
        }
    }

    /// Bytes of one layer packed for products, with what packing takes for a moment.
    package func packedBytes(_ layer: LayerKey, block: Int, input: ProductInput) -> Int {
        let shape = shape(layer, block: block)
        return Linear.packedBytes(
            rows: shape.rows, columns: shape.columns, input: input,
            parts: parts(layer, block: block, in: blockShape(block)))
    }
}
