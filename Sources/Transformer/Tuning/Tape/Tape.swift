import Tensors

/// A block's forward pass as operations on variables, which can be gone through backward.
///
/// Row operations that follow each other go over some tokens together, which stay in the cache.
/// Gradients by weights are made at the end, each row of them in one product over all tokens.
final class Tape: Sendable {
    enum Phase: Sendable {
        case rows([any RowOperation])
        case group(any GroupOperation)
    }

    let input: Variable
    let constants: TuningConstants
    let output: Variable
    private let phases: [Phase]
    private let pool: WorkerPool
    private let buffers: Lending<TuningBuffers>

    /// Rows of a layer's weights whose gradient is made at a time: a constant, for a product's bits
    /// depend on its shape.
    private static let rows = 128

    init(
        _ phases: [Phase], input: Variable, constants: TuningConstants, output: Variable,
        widest: Int, pool: WorkerPool
    ) {
        self.phases = phases
        self.input = input
        self.constants = constants
        self.output = output
        buffers = Lending { TuningBuffers(widest: widest) }
        self.pool = pool
    }

    func forward(_ group: TuningGroup) throws {
        for phase in phases {
            switch phase {
            case .group(let operation): try operation.forward(group, pool)
            case .rows(let operations):
                try forEachChunk(group) { chunk, buffers in
                    for operation in operations { operation.forward(chunk, buffers) }
                }
            }
        }
    }

    /// - Parameter accumulates: gradients by parameters are added to those of earlier groups.
    func backward(_ group: TuningGroup, accumulates: Bool) throws {
        for phase in phases.reversed() {
            switch phase {
            case .group(let operation): try operation.backward(group, pool)
            case .rows(let operations):
                try forEachChunk(group) { chunk, buffers in
                    for operation in operations.reversed() { operation.backward(chunk, buffers) }
                }
                for operation in operations {
                    operation.settle(group, accumulates: accumulates)
                }
            }
        }
        try multiply(group, accumulates: accumulates)
    }

    private func multiply(_ group: TuningGroup, accumulates: Bool) throws {
        let products = phases.flatMap { phase in
            switch phase {
            case .group(let operation): operation.products(group)
            case .rows(let operations): operations.flatMap { $0.products(group) }
            }
        }.filter(\.parameter.isTuned)
        let tasks = products.flatMap { product in
            stride(from: 0, to: product.gradient.columns, by: Self.rows).map { start in
                Piece(
                    product: product,
                    rows: start..<min(product.gradient.columns, start + Self.rows))
            }
        }
        try pool.forEach(tasks.count) { index in
            let (product, rows) = (tasks[index].product, tasks[index].rows)
            let gradient = product.gradient.part(rows: 0..<product.gradient.rows, columns: rows)
            multiplyTransposed(
                gradient, product.input, into: product.parameter.gradient.rows(rows),
                accumulates: accumulates)
            product.parameter.bias?.add(
                columnSums(gradient), at: rows.lowerBound, accumulates: accumulates)
        }
    }

    func forEachChunk(
        _ group: TuningGroup, _ body: @Sendable (TokenChunk, TuningBuffers) throws -> Void
    ) throws {
        try pool.forEach(group.chunks, state: { buffers.borrow() }) { index, loan in
            try body(group.chunk(index), loan.buffers)
        }
    }

    /// Some rows of a product.
    ///
    /// Unchecked: the product's views are of matrices that nothing changes meanwhile.
    private struct Piece: @unchecked Sendable {
        let product: WeightProduct
        let rows: Range<Int>
    }
}
