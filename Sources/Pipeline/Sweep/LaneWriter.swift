/// What keeps the results of one lane of a sweep. They come one at a time, in order.
package protocol LaneWriter: Sendable {
    /// A layer has been pruned. It is in memory, and as it is, until its block is done.
    func write(_ layer: LayerResult) throws

    /// A block is done; its layers leave memory.
    func finish(_ block: BlockResult) throws
}
