import Pruning
import Transformer

extension Sweep {
    /// Goes through the dense model and changes nothing but hidden states: each block with the
    /// statistics of its inputs, where something of it is to be pruned.
    func survey(
        _ observer: SweepObserver, _ visit: (Block, [Tap: Statistics]) throws -> Void
    ) throws {
        precondition(!sequential, "a survey prunes nothing")
        let tensors = model.tensorsByBlock.blocks
        let states = try calibration.map { try embedded($0) }
        for index in tensors.indices {
            let block = try model.loadBlock(index, input: precision.input, pool: pool)
            if index + 1 < tensors.count {
                reading.async { for tensor in tensors[index + 1] { tensor.readAhead() } }
            }
            try observer.advance(0, 0, .survey, index)
            if let measured = try measure(block, states: states, observer: observer) {
                try visit(block, measured.statistics)
            }
        }
    }
}
