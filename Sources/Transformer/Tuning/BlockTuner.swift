import Tensors

/// Tunes what is left of a pruned block towards a target of its output, by Adam: kept weights,
/// biases and norms. Weights that are 0 stay so.
///
/// Of a mixture, experts are tuned with the router as it is: tokens are sent to experts, and
/// experts' outputs weighed, as the block's state has it, and what that means for the router's
/// input has no part in the gradient. So are another block's keys and values, where the block reads
/// those, and the second embedding.
///
/// The loss of a token is |y - t|² / |t|² over the features of its output and its target:
/// relative to its size, so that the few tokens with huge states do not rule. That of windows is
/// the mean over their tokens. All is computed in float32, sums over tokens in a fixed order: the
/// same bits for any number of threads.
package final class BlockTuner {
    private let model: Model
    let parameters: TuningParameters
    private let tape: Tape
    private let length: Int
    private let pool: WorkerPool
    private let endBuffers: Lending<EndBuffers>
    private var steps = 0
    private var isRounded = false
    /// Whether `keep` has been called.
    package private(set) var isChanged = false

    /// Rows of a layer that a thread takes at a time.
    private static let rows = 64

    /// The parameters begin as the block is. It cannot run until `finish` has returned another one,
    /// and its layers' weights are the best so far, which `keep` changes.
    ///
    /// - Parameters:
    ///   - experts: all of the block's, of a mixture.
    ///   - tuned: the layers that are tuned; all others stay as they are, and routers do.
    ///   - length: tokens of a window.
    /// - Throws: `CheckpointError` where the model's tensors are not what they were.
    package init(
        _ block: Block, experts: ExpertGroup? = nil, tuned: Set<LayerKey>, model: Model,
        length: Int, pool: WorkerPool
    ) throws {
        self.model = model
        endBuffers = Lending { EndBuffers(model) }
        self.length = length
        self.pool = pool
        precondition(block.isMixture == (experts != nil), "a mixture has experts")
        parameters = try TuningParameters(block, experts: experts, tuned: tuned, model: model)
        parameters.unpack()
        var shape = block.shape
        if let experts { shape.expertSize = experts.expertSize }
        var builder = TapeBuilder(
            model, block: block.index, shape: shape, length: length, parameters: parameters)
        let input = builder.variable(model.configuration.hiddenSize, needsGradient: false)
        let output = builder.block(input)
        tape = builder.tape(from: input, to: output, pool: pool)
    }

    /// What tuning takes beside a block's weights, which are not packed meanwhile, and the streams,
    /// in bytes.
    package static func bytes(
        _ model: Model, block: Int, shape: BlockShape, tuned: Set<LayerKey>, length: Int,
        threads: Int
    ) -> Int {
        var builder = TapeBuilder(
            model, block: block, shape: shape, length: length, parameters: nil)
        _ = builder.block(
            builder.variable(model.configuration.hiddenSize, needsGradient: false))
        return builder.bytes(threads: threads) + threads * EndBuffers.bytes(model)
            + tuned.filter(\.isTunable).reduce(0) {
                $0 + LayerParameter.bytes(model.shape($1, block: block, in: shape))
            }
    }

    /// The mean loss of some windows, of the parameters rounded to the types in which they are
    /// stored: of what `keep` would keep.
    package func loss(_ windows: [Int], _ streams: TuningStreams) throws -> Double {
        try round()
        return try groups(windows).reduce(0) { total, group in
            try forward(group, streams)
            return try total + errors(group, streams, scale: nil)
        } / Double(max(1, windows.count * length))
    }

    /// One step of Adam over the mean loss of some windows, whose order decides the bits.
    ///
    /// - Parameter rate: about how far a step moves a weight, as a share of the size (the root of
    ///   the mean square) that the kept weights of its layer had at first. So one rate fits models
    ///   whose weights differ in size. A bias goes as far as its layer's weights, a norm's weights
    ///   a twentieth of that share.
    /// - Returns: that loss before the step, of the parameters as they are. Where it is no finite
    ///   number, the parameters are of no more use; the best so far still is.
    package func step(
        _ windows: [Int], _ streams: TuningStreams, rate: Double
    ) throws -> Double {
        precondition(!windows.isEmpty, "a step needs a window")
        let loss = try gradients(windows, streams)
        steps += 1
        let adam = Adam(rate: rate, step: steps)
        try forEachRows { $0.step(adam, $1) }
        for vector in parameters.vectors {
            vector.step(adam)
            vector.use(rounded: false)
        }
        return loss
    }

    /// Makes the gradients by the parameters of the mean loss of some windows.
    /// - Returns: the loss.
    func gradients(_ windows: [Int], _ streams: TuningStreams) throws -> Double {
        isRounded = false
        parameters.use(rounded: false)
        let tokens = Double(windows.count * length)
        var total = 0.0
        for (index, group) in groups(windows).enumerated() {
            try forward(group, streams)
            total += try errors(group, streams, scale: 1 / tokens)
            try tape.backward(shape(group), accumulates: index > 0)
        }
        return total / tokens
    }

    /// Keeps the parameters, rounded to the types in which they are stored, as the best so far. At
    /// first that is the block as it came.
    package func keep() throws {
        try round()
        try forEachRows { $0.keep($1) }
        for vector in parameters.vectors { vector.keep() }
        isChanged = true
    }

    /// Ends tuning. The layers hold the best so far, ready to run.
    /// - Returns: the block with them and with the best norms.
    package func finish() throws -> Block {
        try parameters.finish(pool: pool)
        return parameters.best(
            shared: model.sharesBlockNorm && model.configuration.isParallel)
    }

    /// The tensors of the block's norms of the best so far, as they are stored.
    package var norms: [TunedTensor] { parameters.stored }

    private func round() throws {
        if isRounded { return }
        try forEachRows { $0.round($1) }
        parameters.use(rounded: true)
        isRounded = true
    }

    private func forEachRows(
        _ body: @Sendable (_ layer: LayerParameter, _ rows: Range<Int>) -> Void
    ) throws {
        let tasks = parameters.tuned.flatMap { layer in
            stride(from: 0, to: layer.layer.rows, by: Self.rows).map { start in
                (layer, start..<min(layer.layer.rows, start + Self.rows))
            }
        }
        try pool.forEach(tasks.count) { body(tasks[$0].0, tasks[$0].1) }
    }

    private func groups(_ windows: [Int]) -> [ArraySlice<Int>] {
        let size = TuningGroup.size(length: length)
        return stride(from: 0, to: windows.count, by: size).map {
            windows[$0..<min(windows.count, $0 + size)]
        }
    }

    private func shape(_ windows: ArraySlice<Int>) -> TuningGroup {
        TuningGroup(windows: windows.count, length: length)
    }

    /// Takes some windows through the block.
    private func forward(_ windows: ArraySlice<Int>, _ streams: TuningStreams) throws {
        let (group, input, constants) = (shape(windows), tape.input, tape.constants)
        let (block, kept, buffers) = (parameters.block, model.configuration.kept, endBuffers)
        defer { block.end?.perLayer?.release() }
        try tape.forEachChunk(group) { chunk, _ in
            let rows = Self.place(chunk, windows, group)
            input.value.rows(chunk.rows).copy(from: streams.input.rows(rows))
            streams.input.release(rows)
            try constants.fill(chunk.rows, rows, streams, of: block, kept, buffers)
        }
        try tape.forward(group)
    }

    /// The sum of the losses of their tokens.
    /// - Parameter scale: of the gradient by the block's output, which is made; nil: it is not.
    private func errors(
        _ windows: ArraySlice<Int>, _ streams: TuningStreams, scale: Double?
    ) throws -> Double {
        let (group, output) = (shape(windows), tape.output)
        return try pool.sum(
            ofRows: group.chunks, by: 1, from: 0.0, add: { $0 += $1 }
        ) { indices in
            let chunk = group.chunk(indices.lowerBound)
            let rows = Self.place(chunk, windows, group)
            defer { streams.target.release(rows) }
            return relativeError(
                output.value.rows(chunk.rows), streams.target.rows(rows),
                gradient: scale.map { _ in output.gradient.rows(chunk.rows) }, scale: scale ?? 1)
        }
    }

    /// The rows of a chunk in the streams.
    private static func place(
        _ chunk: TokenChunk, _ windows: ArraySlice<Int>, _ group: TuningGroup
    ) -> Range<Int> {
        let first = windows[windows.startIndex + chunk.window] * group.length
        return (first + chunk.positions.lowerBound)..<(first + chunk.positions.upperBound)
    }
}
