import Synchronization
import Transformer

/// Holds the layers of a block back until it is tuned: only then are they what is written.
final class HeldLayers: LaneWriter {
    private let writer: any LaneWriter
    private let keepsStatistics: Bool
    private let layers = Mutex<[LayerResult]>([])
    private let moved = Mutex<[MovedLayer]>([])

    /// - Parameter keepsStatistics: whether masks and statistics are needed for a file of them;
    ///   they take memory that tuning needs.
    init(_ writer: any LaneWriter, keepsStatistics: Bool) {
        self.writer = writer
        self.keepsStatistics = keepsStatistics
    }

    func begin(_ block: Int) throws { try writer.begin(block) }

    func write(_ layer: LayerResult) {
        layers.withLock { $0.append(keepsStatistics ? layer : layer.withoutStatistics) }
    }

    func write(_ layer: MovedLayer) { moved.withLock { $0.append(layer) } }

    func finish(_ block: BlockResult) throws { try writer.finish(block) }

    /// Those that have come so far.
    var keys: Set<LayerKey> {
        layers.withLock { Set($0.map(\.plan.key)) }.union(
            moved.withLock { Set($0.map(\.key)) })
    }

    /// Hands on what has come, with weights as they are now, and what else has changed.
    func release(_ tensors: [TunedTensor]) throws {
        for layer in layers.withLock({ $0 }) { try writer.write(layer.tuned) }
        for layer in moved.withLock({ $0 }) { try writer.write(layer) }
        for tensor in tensors { try writer.write(tensor) }
    }
}
