import Checkpoint
import Tensors

extension Model {
    /// What chooses among a block's experts; nil where it has none.
    func router(block: Int) throws -> Router? {
        guard isMixture(block), let mixture = configuration.mixture,
            let routing = architecture.mixture?.routing
        else { return nil }
        return Router(
            routing: routing, mixture: mixture,
            correction: try correctionTensor(block: block)?.floats(),
            beside: try besideRouter(block: block))
    }

    /// What is added to the scores by which is chosen; nil where the family has none.
    func correctionTensor(block: Int) throws(CheckpointError) -> TensorView? {
        guard let names = architecture.mixture?.correction, let first = names.first,
            let experts = configuration.mixture?.experts
        else { return nil }
        let present = names.first { checkpoint.tensor(named: blockName($0, block)) != nil }
        let name = blockName(present ?? first, block)
        // Some have a dimension of one group before it.
        let isGrouped = checkpoint.tensor(named: name)?.shape == [1, experts]
        return try checkpoint.expect(name, shape: isGrouped ? [1, experts] : [experts])
    }

    /// x becomes what a gated feed-forward makes of both: `[rows, intermediate_size]` each; the
    /// gate is overwritten.
    func gate(_ x: MatrixView, by gate: MatrixView, of block: Block) {
        if let clamp = configuration.clamp {
            clampedGate(x, by: gate, slope: clamp.slope, limit: clamp.limit)
        } else {
            block.activation.gate(x, by: gate)
        }
    }
}

extension ModelConfiguration {
    /// The widest input of a down projection that all tokens go through.
    var widestFeedForward: Int {
        let factor = doublesFeedForward ? 2 : 1
        guard let mixture else { return factor * intermediateSize }
        return factor
            * max(mixture.sharedSize ?? 0, mixture.blocks.allSatisfy(\.self) ? 1 : intermediateSize)
    }

    /// Of a feed-forward that keeps its gate and what it weighs within limits.
    package struct Clamp: Sendable, Hashable {
        /// What the gate is multiplied by inside of its sigmoid.
        package let slope: Float
        /// Of the gate from above, of what it weighs on both sides.
        package let limit: Float
    }
}
