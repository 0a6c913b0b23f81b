import Checkpoint
import Tensors
import Transformer

extension Run {
    private static let length = 2048
    private static let sequences = 4

    /// The linear layers of a block by themselves, in the tiles in which a block runs them.
    func measureLayers(_ model: Model, _ precision: Precision) throws {
        let block = try model.loadBlock(0, input: precision.input)
        for (name, roles) in [
            ("linear, attention", [Role.query, .key, .value, .output]),
            ("linear, MLP", [.gate, .up, .down]),
        ] {
            let layers = roles.compactMap { block.layers[LayerKey($0)] }
            let weights = layers.reduce(0) { $0 + $1.rows * $1.columns }
            try measure(
                name, "\(precision.rawValue), \(Self.length) tokens",
                .flops(2 * Self.length * weights), ceiling: Ceiling(precision.input),
                state: { _ in
                    layers.map { LinearState($0, tokens: Self.length, rows: Tile.size) }
                }, { for layer in $0 { layer.apply() } })
        }
    }

    /// A block as a job runs it: on its own, and with sums over its layers' inputs.
    func measureBlock(_ model: Model, _ precision: Precision) throws {
        try measure("block", model, precision)
        try measure("block, with statistics", model, precision) { _, input, _ in
            var moments = Moments(features: input.columns)
            moments.add(input)
        }
    }

    /// A block of hardly anything but attention: heads as in `SyntheticModel.small`, linear layers
    /// as narrow as can be, whose arithmetic counts.
    func measureAttention(_ precision: Precision) throws {
        var narrow = SyntheticModel.small
        narrow.hidden = 8 * narrow.heads
        narrow.intermediate = 64
        try measure("attention", narrow.make("\(scratch)/narrow"), precision)
    }

    private func measure(
        _ name: String, _ model: Model, _ precision: Precision, observe: Forward.Observer? = nil
    ) throws {
        let (length, sequences) = (Self.length, Self.sequences)
        let configuration = model.configuration
        let block = try model.loadBlock(0, input: precision.input)
        let input = randomMatrix(sequences * length, configuration.hiddenSize, seed: 3)
        let hidden = Matrix(rows: input.rows, columns: input.columns)
        // Half of the scores are masked; each of the others costs two products.
        let attention =
            (length + 1) * configuration.numAttentionHeads * configuration.headDim
        let flops =
            2 * sequences * length * (model.multiplyAdds(block: 0, in: block.shape) + attention)
        try measure(
            name, "\(precision.rawValue), \(sequences) x \(length) tokens", .flops(flops),
            ceiling: Ceiling(precision.input)
        ) { pool in
            let forward = Forward(
                model, length: length, input: precision.input, pool: pool)
            return Pass(
                prepare: { hidden.copy(from: input) },
                run: {
                    try forward.run(
                        block, hidden, length: length, sequences: sequences, observe: observe)
                })
        }
    }
}
