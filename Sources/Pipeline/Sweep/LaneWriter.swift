import Transformer

/// What keeps the results of one lane of a sweep. They come one at a time, in order.
package protocol LaneWriter: Sendable {
    /// Layers of a block will come.
    func begin(_ block: Int) throws

    /// A layer has been pruned. It is in memory, and as it is, until its block is done, or `settle`
    /// has returned.
    func write(_ layer: LayerResult) throws

    /// A layer takes another's place, or has changed without having been pruned; as above.
    func write(_ layer: MovedLayer) throws

    /// A tensor has changed as a whole.
    func write(_ tensor: TunedTensor) throws

    /// Which experts of a block stay.
    func write(_ experts: ExpertsResult) throws

    /// The layers so far leave memory, though their block is not done.
    func settle() throws

    /// A block is done; its layers leave memory.
    func finish(_ block: BlockResult) throws
}

extension LaneWriter {
    package func begin(_ block: Int) throws {}
    package func settle() throws {}
    package func write(_ layer: MovedLayer) throws {}
    package func write(_ tensor: TunedTensor) throws {}
    package func write(_ experts: ExpertsResult) throws {}
}
