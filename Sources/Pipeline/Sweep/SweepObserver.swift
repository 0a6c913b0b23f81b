/// What a sweep tells its owner. Layers and blocks come one at a time, in order.
package struct SweepObserver: Sendable {
    /// A layer has been pruned; it is in memory, and as it is, until `block` has returned.
    package var layer: @Sendable (LayerResult) throws -> Void
    /// A block is done; its layers leave memory.
    package var block: @Sendable (BlockResult) throws -> Void
    /// Called often and from any thread, with work done: tokens through a block, and the
    /// floating-point operations that this took; throws to end the sweep.
    package var advance:
        @Sendable (_ tokens: Int, _ flops: Double, _ phase: Progress.Phase, _ block: Int?) throws ->
            Void

    package init(
        layer: @escaping @Sendable (LayerResult) throws -> Void = { _ in },
        block: @escaping @Sendable (BlockResult) throws -> Void = { _ in },
        advance: @escaping @Sendable (Int, Double, Progress.Phase, Int?) throws -> Void = {
            _, _, _, _ in
        }
    ) {
        self.layer = layer
        self.block = block
        self.advance = advance
    }
}
