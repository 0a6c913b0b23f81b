import Documents
import Tensors

/// What takes the place of the attention in some blocks, as `config.json` has it.
package struct RecurrenceConfiguration: Sendable, Hashable {
    /// Positions that the convolution sees, the own one included.
    package let kernel: Int
    /// Whether the convolution adds a bias.
    package let hasBias: Bool
    /// Features that go through the convolution.
    package let channels: Int
    /// Of the delta rule; nil: there is a convolution alone.
    package let heads: Heads?
    /// Features of the output projection's input.
    package let width: Int

    package struct Heads: Sendable, Hashable {
        package let keyHeads: Int
        package let valueHeads: Int
        package let keyDimension: Int
        package let valueDimension: Int

        /// Features of all queries or all keys, and of all values.
        package var keys: Int { keyHeads * keyDimension }
        package var values: Int { valueHeads * valueDimension }

        /// Of one key head.
        var shape: DeltaRule.Shape {
            DeltaRule.Shape(
                keyDimension: keyDimension, valueDimension: valueDimension,
                valueHeads: valueHeads / keyHeads)
        }

        /// Which of the convolution's columns belong to a key head.
        func columns(of head: Int) -> DeltaRule.Columns {
            func columns(_ start: Int, _ size: Int) -> Range<Int> {
                (start + head * size)..<(start + (head + 1) * size)
            }
            return DeltaRule.Columns(
                queries: columns(0, keyDimension), keys: columns(keys, keyDimension),
                values: columns(2 * keys, shape.valueHeads * valueDimension))
        }
    }

    /// Known models have 4 at most, 64 heads and 128 features a head. Sizes are multiplied before
    /// any tensor is looked at.
    private static let (longest, most, widest) = (1 << 8, 1 << 14, 1 << 14)

    /// - Throws: `ModelError` that names the key.
    init(
        _ reader: ConfigReader, _ recurrence: Architecture.Recurrence, hiddenSize: Int
    ) throws(ModelError) {
        guard recurrence.mixer == .deltaRule else {
            kernel = try reader.size("conv_L_cache", default: 3, atMost: Self.longest)
            hasBias = try reader.flag("conv_bias", default: false)
            (channels, width, heads) = (hiddenSize, hiddenSize, nil)
            return
        }
        kernel = try reader.size("linear_conv_kernel_dim", default: 4, atMost: Self.longest)
        hasBias = false
        let heads = Heads(
            keyHeads: try reader.size("linear_num_key_heads", default: 16, atMost: Self.most),
            valueHeads: try reader.size("linear_num_value_heads", default: 32, atMost: Self.most),
            keyDimension: try reader.size(
                "linear_key_head_dim", default: 128, atMost: Self.widest),
            valueDimension: try reader.size(
                "linear_value_head_dim", default: 128, atMost: Self.widest))
        if heads.valueHeads % heads.keyHeads != 0 {
            throw reader.wrong(
                "linear_num_value_heads", expected: "a multiple of linear_num_key_heads")
        }
        self.heads = heads
        channels = 2 * heads.keys + heads.values
        width = heads.values
    }
}

extension ConfigReader {
    /// What lets the tokens of each block see each other.
    func mixers(
        _ recurrence: Architecture.Recurrence?, blocks: Int
    ) throws(ModelError) -> [TokenMixer] {
        guard let recurrence else { return [TokenMixer](repeating: .attention, count: blocks) }
        let key = "layer_types"
        if let types = value(key) {
            let known = [
                "full_attention": TokenMixer.attention, recurrence.layerType: recurrence.mixer,
            ]
            let mixers = (types.array ?? []).compactMap { $0.string.flatMap { known[$0] } }
            guard mixers.count == blocks, types.array?.count == blocks else {
                throw wrong(
                    key,
                    expected: "a list of \(blocks) times full_attention or \(recurrence.layerType)")
            }
            return mixers
        }
        switch recurrence.blocks {
        case .named: throw missing(key)
        case .besidesEvery(let key, let fallback):
            let every = try size(key, default: fallback)
            return (0..<blocks).map { ($0 + 1) % every == 0 ? .attention : recurrence.mixer }
        case .besidesListed(let key):
            guard let list = value(key) else {
                return [TokenMixer](repeating: .attention, count: blocks)
            }
            let numbers = (list.array ?? []).compactMap(\.integer)
            guard let array = list.array, array.count == numbers.count else {
                throw wrong(key, expected: "a list of blocks")
            }
            let attending = Set(numbers)
            return (0..<blocks).map { attending.contains($0) ? .attention : recurrence.mixer }
        }
    }
}
