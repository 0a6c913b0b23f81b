import Transformer

/// How wide blocks are to be so that about a given sparsity of their linear layers comes with whole
/// channels and heads.
///
/// A configuration has one number for all blocks, so all keep as many of either; which ones is each
/// block's own matter, and each expert's.
struct ChannelShape {
    let model: Model
    /// Of the dense model.
    private let dense: ModelWidths
    /// Numbers of key/value heads to choose from: the model's and smaller ones.
    let headCounts: [Int]
    /// Of which channels may go, with the numbers to choose from, likewise; the group that goes
    /// before the others first.
    private let channelCounts: [(group: ChannelGroup, counts: [Int])]

    /// - Parameters:
    ///   - heads: smaller numbers of key/value heads that may stay.
    ///   - groups: of which channels may go.
    init(_ model: Model, heads: [Int], groups: Set<ChannelGroup>) {
        self.model = model
        let dense = model.widths
        self.dense = dense
        headCounts = heads + [dense.keyValueHeads]
        // Experts have most of the weights.
        channelCounts = [ChannelGroup.experts, .feedForward, .shared].compactMap { group in
            guard groups.contains(group), let channels = dense[group] else { return nil }
            let step = Self.step(channels, ofExperts: group == .experts)
            return (group, Array(stride(from: step, to: channels, by: step)) + [channels])
        }
    }

    /// What the number of channels that stay is a multiple of: 32, the length of a block in the
    /// usual quantised formats and enough for every processor's products; of narrow feed-forwards a
    /// lesser power of two, so that it is a 32nd of them at most. PyTorch's product of all experts
    /// at once takes only rows of whole 16 bytes: where experts have them, they keep them.
    static func step(_ channels: Int, ofExperts isExperts: Bool) -> Int {
        var step = 32
        while step > 1, step * 32 > channels { step /= 2 }
        return isExperts && channels % 8 == 0 ? max(step, 8) : step
    }

    /// The widths nearest to a sparsity, 0 to 1. Of equally near ones the wider: heads have the
    /// same sparsity as the whole as nearly as their number allows, and channels make up the rest.
    func widths(sparsity: Double) -> ModelWidths {
        let target = sparsity * Double(weights(dense))
        func distance(_ candidate: ModelWidths) -> Double { abs(removed(candidate) - target) }
        guard let first = channelCounts.first else {
            let heads = Self.nearest(headCounts) { distance(widths(heads: $0, channels: nil)) }
            return widths(heads: heads, channels: nil)
        }
        let wanted = (1 - sparsity) * Double(dense.keyValueHeads)
        let heads = Self.nearest(headCounts) { abs(Double($0) - wanted) }
        let channels = Self.nearest(first.counts) { distance(widths(heads: heads, channels: $0)) }
        return widths(heads: heads, channels: channels)
    }

    /// - Parameter channels: of the first group; of the others the same part stays, as nearly as
    ///   their numbers allow. nil: no channel goes.
    private func widths(heads: Int, channels: Int?) -> ModelWidths {
        var result = dense
        result.keyValueHeads = heads
        guard let channels, let first = channelCounts.first, let all = dense[first.group] else {
            return result
        }
        result[first.group] = channels
        for (group, counts) in channelCounts.dropFirst() {
            let wanted = Double(channels) / Double(all) * Double(dense[group] ?? 0)
            result[group] = Self.nearest(counts) { abs(Double($0) - wanted) }
        }
        return result
    }

    /// The largest sparsity that there is.
    var largestSparsity: Double {
        let least = widths(heads: headCounts[0], channels: channelCounts.first?.counts[0])
        return removed(least) / Double(weights(dense))
    }

    private func removed(_ widths: ModelWidths) -> Double {
        Double(weights(dense) - weights(widths))
    }

    private func weights(_ widths: ModelWidths) -> Int {
        model.blocks.reduce(0) {
            $0 + model.weights(block: $1, in: model.blockShape($1, in: widths))
        }
    }

    private static func nearest(_ counts: [Int], _ distance: (Int) -> Double) -> Int {
        counts.reversed().min { distance($0) < distance($1) } ?? 0
    }
}
