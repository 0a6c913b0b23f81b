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
                    name(positions),
                    [configuration.maxPositionEmbeddings + offset, configuration.hiddenSize]))
        }
        if configuration.embeddingSize != configuration.hiddenSize {
            let (width, inner) = (configuration.hiddenSize, configuration.embeddingSize)
            if let inward = names.projectIn { keep(try tensor(name(inward), [width, inner])) }
            if let outward = names.projectOut { keep(try tensor(name(outward), [inner, width])) }
        }
        for norm in [names.embeddingNorm, configuration.hasFinalNorm ? names.finalNorm : nil] {
            guard let norm else { continue }
            let (weight, bias) = try normTensors(name(norm))
            keep(weight, bias)
        }
        for index in 0..<configuration.numHiddenLayers {
            found.formUnion(try checkNorms(block: index))
            found.formUnion(try activationTensors(block: index).map(\.name))
            keep(try sinkTensor(block: index))
            found.formUnion(try mixerTensors(block: index).map(\.name))
            for layer in layers(block: index) {
                keep(try weightTensor(layer, block: index))
                if hasBias(layer, block: index) {
                    keep(try biasTensor(layer, block: index))
                    continue
                }
                let bias = biasPlace(layer, block: index).name
                if checkpoint.tensor(named: bias) != nil {
                    throw ModelError(
                        file: checkpoint.directory, reason: .unexpectedBias(tensor: bias))
                }
            }
            if isMixture(index) {
                keep(try correctionTensor(block: index))
                found.formUnion(try besideTensors(block: index).map(\.name))
            }
        }
        found.formUnion(try endTensors())
        return found
    }

    /// Reads the weights of one block into memory, on the threads of `pool`.
    ///
    /// - Throws: `CheckpointError` for NaN and infinity among them.
    package func loadBlock(
        _ index: Int, input: ProductInput, pool: WorkerPool = WorkerPool(width: 1)
    ) throws -> Block {
        try block(
            index, load(commonLayers(block: index), block: index, input: input, pool: pool),
            input: input)
    }

    /// A block without its layers.
    package func norms(_ index: Int, input: ProductInput) throws -> Block {
        try block(index, [:], input: input)
    }

    private func block(
        _ index: Int, _ layers: [LayerKey: Linear], input: ProductInput
    ) throws -> Block {
        Block(
            index: index, layers: layers, router: try router(block: index),
            norms: try norms(block: index), mixer: try mixer(block: index),
            activation: try activation(block: index), sinks: try sinkTensor(block: index)?.floats(),
            end: try end(block: index, input: input), shape: blockShape(index), input: input)
    }

    /// Reads the weights of some experts of a block into memory, on the threads of `pool`.
    ///
    /// - Parameter kept: of these, the ones that are there; nil: all.
    /// - Throws: `CheckpointError` for NaN and infinity among them.
    package func loadExperts(
        _ experts: Range<Int>, of kept: Set<Int>? = nil, block: Int, input: ProductInput,
        pool: WorkerPool
    ) throws -> ExpertGroup {
        let keys = experts.filter { kept?.contains($0) ?? true }.flatMap { expert in
            expertRoles.map { LayerKey($0, expert: expert) }
        }
        return ExpertGroup(
            block: block, experts: experts,
            layers: try load(keys, block: block, input: input, pool: pool),
            expertSize: blockShape(block).expertSize, input: input)
    }

    private func load(
        _ keys: [LayerKey], block: Int, input: ProductInput, pool: WorkerPool
    ) throws -> [LayerKey: Linear] {
        let tensors = try keys.map { key in
            let place = weightPlace(key, block: block)
            return TensorView.Layer(
                tensor: try weightTensor(key, block: block), part: place.part,
                isTransposed: place.isTransposed)
        }
        let matrices = try TensorView.matrices(tensors, pool: pool)
        let biases = try keys.map { key in
            hasBias(key, block: block)
                ? try biasTensor(key, block: block)
                    .floats(part: biasPlace(key, block: block).part) : nil
        }
        let shape = blockShape(block)
        let layers = Mutex<[LayerKey: Linear]>([:])
        try pool.forEach(keys.count) { place in
            let key = keys[place]
            let layer = Linear(
                weights: matrices[place], bias: biases[place], input: productInput(key, input),
                parts: parts(key, block: block, in: shape))
            layers.withLock { $0[key] = layer }
        }
        return layers.withLock { $0 }
    }

    /// Routers and what weighs a shared expert compute in float32; see `Router`.
    private func productInput(_ layer: LayerKey, _ input: ProductInput) -> ProductInput {
        layer.role == .router || layer.role == .sharedGate ? .float32 : input
    }

    /// Whether weights are stored as `[in, out]`.
    package var storesColumns: Bool { architecture.storesColumns }

    /// How many weights each layer has.
    package var layerSizes: [Int] {
        blocks.flatMap { block in layers(block: block).map { shape($0, block: block).count } }
    }

    /// Bytes of one block's weights in memory but for its experts': as they are, and packed for
    /// products.
    package func blockBytes(_ block: Int, input: ProductInput) -> Int {
        bytes(commonLayers(block: block), block: block, input: input) + endBytes(input: input)
            + (isMixture(block) ? besideBytes : 0)
    }

    /// The same of `count` of its experts.
    package func expertBytes(_ count: Int, block: Int, input: ProductInput) -> Int {
        let layers = expertRoles.map { LayerKey($0, expert: 0) }
        return isMixture(block) ? count * bytes(layers, block: block, input: input) : 0
    }

    private func bytes(_ layers: [LayerKey], block: Int, input: ProductInput) -> Int {
        layers.reduce(0) { sum, layer in
            sum + 4 * shape(layer, block: block).count
                + packedBytes(layer, block: block, input: input)
        }
    }

    /// Bytes of one layer packed for products, with what packing takes for a moment.
    package func packedBytes(_ layer: LayerKey, block: Int, input: ProductInput) -> Int {
        let shape = shape(layer, block: block)
        return Linear.packedBytes(
            rows: shape.rows, columns: shape.columns, input: productInput(layer, input),
            parts: parts(layer, block: block, in: blockShape(block)))
    }
}
