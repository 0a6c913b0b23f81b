import Transformer

/// How wide blocks are to be so that about a given sparsity of their linear layers comes with
/// whole channels and heads.
///
/// A configuration has one number for all blocks, so all keep as many of either; which ones is each
/// block's own matter.
struct ChannelShape {
    let model: Model
    /// Of the dense model's blocks.
    private let dense: BlockShape
    /// Numbers of key/value heads to choose from: the model's and smaller ones.
    let headCounts: [Int]
    /// Numbers of channels to choose from, likewise.
    private let channelCounts: [Int]

    /// - Parameters:
    ///   - dense: of all blocks of the model.
    ///   - heads: smaller numbers of key/value heads that may stay.
    ///   - removesChannels: whether channels of the feed-forward may go.
    init(_ model: Model, _ dense: BlockShape, heads: [Int], removesChannels: Bool) {
        self.model = model
        self.dense = dense
        headCounts = heads + [dense.keyValueHeads]
        let channels = dense.intermediateSize
        let step = Self.step(channels)
        channelCounts =
            removesChannels
            ? Array(stride(from: step, to: channels, by: step)) + [channels] : [channels]
    }

    /// What the number of channels that stay is a multiple of: 32, the length of a block in the
    /// usual quantised formats and enough for every processor's products; of narrow feed-forwards a
    /// lesser power of two, so that it is a 32nd of them at most.
    static func step(_ channels: Int) -> Int {
        var step = 32
        while step > 1, step * 32 > channels { step /= 2 }
        return step
    }

    /// The shape nearest to a sparsity, 0 to 1. Of equally near ones the wider: heads have the same
    /// sparsity as the whole as nearly as their number allows, and channels make up the rest.
    func shape(sparsity: Double) -> BlockShape {
        var shape = dense
        let target = sparsity * Double(weights(dense))
        func distance(_ candidate: BlockShape) -> Double { abs(removed(candidate) - target) }
        if channelCounts.count > 1 {
            let wanted = (1 - sparsity) * Double(shape.keyValueHeads)
            shape.keyValueHeads = Self.nearest(headCounts) { abs(Double($0) - wanted) }
            shape.intermediateSize = Self.nearest(channelCounts) { [shape] in
                distance(
                    BlockShape(keyValueHeads: shape.keyValueHeads, intermediateSize: $0))
            }
        } else {
            shape.keyValueHeads = Self.nearest(headCounts) { [shape] in
                distance(
                    BlockShape(keyValueHeads: $0, intermediateSize: shape.intermediateSize))
            }
        }
        return shape
    }

    /// The largest sparsity that there is.
    var largestSparsity: Double {
        let least = BlockShape(
            keyValueHeads: headCounts[0], intermediateSize: channelCounts[0])
        return removed(least) / Double(weights(dense))
    }

    private func removed(_ shape: BlockShape) -> Double {
        Double(weights(dense) - weights(shape))
    }

    /// Of one block where all are alike.
    private func weights(_ shape: BlockShape) -> Int {
        let blocks = model.configuration.recurrence == nil ? 0..<1 : model.blocks
        return blocks.reduce(0) { $0 + model.weights(block: $1, in: shape) }
    }

    private static func nearest(_ counts: [Int], _ distance: (Int) -> Double) -> Int {
        counts.reversed().min { distance($0) < distance($1) } ?? 0
    }
}
