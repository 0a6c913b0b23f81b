import Checkpoint
import Tensors

/// Some experts of a block with their weights in memory. A block's experts come group by group, so
/// that a model whose blocks are large takes no more memory than one group.
package final class ExpertGroup: Sendable {
    package let block: Int
    package let experts: Range<Int>
    package let layers: [LayerKey: Linear]
    /// What computes each layer that is one thing, as a part of a layer.
    private let projections: [LayerKey: (layer: Linear, part: Int)]
    /// `intermediate_size` of each expert.
    let expertSize: Int
    let input: ProductInput

    init(
        block: Int, experts: Range<Int>, layers: [LayerKey: Linear], expertSize: Int,
        input: ProductInput
    ) {
        self.block = block
        self.experts = experts
        self.layers = layers
        self.expertSize = expertSize
        self.input = input
        projections = layers.reduce(into: [:]) { projections, entry in
            for (part, role) in entry.key.role.parts.enumerated() {
                projections[LayerKey(role, expert: entry.key.expert)] = (entry.value, part)
            }
        }
    }

    /// The same experts with other layers.
    package func replacing(_ layers: [LayerKey: Linear], expertSize: Int) -> ExpertGroup {
        ExpertGroup(
            block: block, experts: experts, layers: layers, expertSize: expertSize, input: input)
    }

    /// Makes layers fit for use whose weights have been changed.
    package func pack(pool: WorkerPool) throws {
        let layers = Array(layers.values)
        try pool.forEach(layers.count) { layers[$0].pack() }
    }

    func apply(
        _ role: Role, of expert: Int, _ x: Operand, into y: MatrixView, using products: Products
    ) {
        guard let (layer, part) = projections[LayerKey(role, expert: expert)] else { return }
        layer.apply(x, part: part, into: y, using: products)
    }
}
