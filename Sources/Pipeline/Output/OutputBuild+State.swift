import Documents
import Tensors

extension OutputBuild {
    /// What is known of an output so far, for its report.
    struct State: Sendable {
        var layers: [ReportLayer] = []
        var blocks: [BlockResult] = []
        var zeros = 0
        var flops = 0.0
        /// nil until everything is computed, and without an evaluation.
        var comparison: Comparison?
    }
}

/// As a checkpoint keeps it. What is not finite is null there, as it is in the report.
extension OutputBuild.State {
    var node: Node {
        .object([
            "zeros": Node(zeros), "flops": Node(flops),
            "comparison": comparison?.node ?? .null,
            "blocks": Node(blocks.map(\.node)), "layers": Node(layers.map(\.node)),
        ])
    }

    /// nil where `node` is something else.
    init?(_ node: Node) {
        guard let zeros = node["zeros"]?.integer, let flops = node["flops"]?.double,
            let blocks = node["blocks"]?.array, let layers = node["layers"]?.array
        else { return nil }
        self.zeros = zeros
        self.flops = flops
        comparison = node["comparison"].flatMap { Comparison($0) }
        self.blocks = blocks.compactMap { BlockResult($0) }
        self.layers = layers.compactMap { ReportLayer($0) }
        guard self.blocks.count == blocks.count, self.layers.count == layers.count else {
            return nil
        }
    }
}

extension BlockResult {
    fileprivate var node: Node {
        let sums = difference.map {
            [$0.squaredError, $0.dot, $0.squaredX, $0.squaredY].map { Node($0) }
                + [Node($0.count)]
        }
        return .object([
            "index": Node(index), "difference": sums.map { Node($0) } ?? .null,
            "seconds": Node(seconds), "dense_seconds": denseSeconds.map { Node($0) } ?? .null,
            "pruned_seconds": prunedSeconds.map { Node($0) } ?? .null,
        ])
    }

    fileprivate init?(_ node: Node) {
        guard let index = node["index"]?.integer, let seconds = node["seconds"]?.double else {
            return nil
        }
        var difference: Difference?
        if let sums = node["difference"]?.array {
            guard sums.count == 5, let count = sums[4].integer else { return nil }
            difference = Difference()
            difference?.squaredError = sums[0].double ?? .nan
            difference?.dot = sums[1].double ?? .nan
            difference?.squaredX = sums[2].double ?? .nan
            difference?.squaredY = sums[3].double ?? .nan
            difference?.count = count
        }
        self.init(
            index: index, difference: difference,
            meanSquaredError: difference?.meanSquaredError, seconds: seconds,
            denseSeconds: node["dense_seconds"]?.double,
            prunedSeconds: node["pruned_seconds"]?.double)
    }
}
