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
        keep(try checkpoint.expect(headName, shape: table))
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
        if configuration.hasFinalNorm {
            let (weight, bias) = try normTensors(names.finalNorm)
            keep(weight, bias)
        }
        for index in 0..<configuration.numHiddenLayers {
            found.formUnion(try checkNorms(block: index))
            for key in layers(block: index) {
                let layer = layerName(key, block: index)
                let shape = shape(key, block: index)
                keep(try checkpoint.expect("\(layer).weight", shape: shape.dimensions))
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

    /// Reads none of their values: that would have the disk read what lies around each of them.
    /// - Returns: their names.
    private func checkNorms(block index: Int) throws -> [String] {
        let names = architecture.names
        var found = try [
            names.attentionNorm, names.feedForwardNorm, names.attentionOutputNorm,
            names.feedForwardOutputNorm,
        ].compactMap(\.self).map { try normTensors(blockName($0, index)) }
        if architecture.normalisesQueriesAndKeys {
            found += try [names.queryNorm, names.keyNorm].compactMap(\.self).map {
                try normTensors(blockName($0, index), size: configuration.headDim)
            }
        }
        return found.flatMap { [$0.weight?.name, $0.bias?.name].compactMap(\.self) }
    }

    private func blockName(_ inner: String, _ index: Int) -> String {
        "\(architecture.names.blocks).\(index).\(inner)"
    }

    private func tensor(_ full: String, _ shape: [Int]) throws -> TensorView {
        try checkpoint.expect("\(name(full)).weight", shape: shape)
    }

    func norm(_ full: String, size: Int? = nil) throws -> NormWeights {
        let (weight, bias) = try normTensors(full, size: size)
        let shift: Float = architecture.norm == .rmsAroundOne ? 1 : 0
        return NormWeights(
            kind: architecture.norm, weight: try weight?.floats().map { $0 + shift },
            bias: try bias?.floats(),
            epsilon: configuration.normEpsilon)
    }

    /// What a norm has, `[size]` each, `[hidden_size]` by default.
    private func normTensors(
        _ full: String, size: Int? = nil
    ) throws -> (weight: TensorView?, bias: TensorView?) {
        guard configuration.normsAffine else { return (nil, nil) }
        let shape = [size ?? configuration.hiddenSize]
        let weight = try tensor(full, shape)
        guard architecture.norm == .layer else { return (weight, nil) }
        return (weight, try checkpoint.expect("\(name(full)).bias", shape: shape))
    }

    private func headNorm(_ inner: String?, block index: Int) throws -> NormWeights? {
        guard architecture.normalisesQueriesAndKeys, let inner else { return nil }
        return try norm(blockName(inner, index), size: configuration.headDim)
    }

    /// Reads the weights of one block into memory, on the threads of `pool`.
    ///
    /// - Throws: `CheckpointError` for NaN and infinity among them.
    package func loadBlock(
        _ index: Int, input: ProductInput, pool: WorkerPool = WorkerPool(width: 1)
    ) throws -> Block {
        let keys = layers(block: index)
        let shape = blockShape(index)
        let tensors = try keys.map { key in
            try checkpoint.expect(
                "\(layerName(key, block: index)).weight",
                shape: self.shape(key, block: index).dimensions)
        }
        let matrices = try TensorView.matrices(tensors, pool: pool)
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
        let names = architecture.names
        func norm(_ inner: String) throws -> NormWeights { try self.norm(blockName(inner, index)) }
        return Block(
            index: index, layers: layers.withLock { $0 },
            attentionNorm: try norm(names.attentionNorm),
            feedForwardNorm: try norm(names.feedForwardNorm),
            attentionOutputNorm: try names.attentionOutputNorm.map(norm),
            feedForwardOutputNorm: try names.feedForwardOutputNorm.map(norm),
            queryNorm: try headNorm(names.queryNorm, block: index),
            keyNorm: try headNorm(names.keyNorm, block: index),
            window: configuration.windows[index], shape: shape, input: input)
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
