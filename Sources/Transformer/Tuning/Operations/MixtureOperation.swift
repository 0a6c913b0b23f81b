import Tensors

/// The experts of a mixture: sum over a token's experts of weight expert(x). Where tokens go, and
/// the weights, are constants of the gradient.
///
/// A token's experts have rows of their own: those of one expert stand together, in the order of
/// the tokens, and go through its operations like tokens.
///
/// Unchecked: the routes change between loops.
final class MixtureOperation: GroupOperation, @unchecked Sendable {
    /// What the router reads.
    struct Reading: Sendable {
        let router: Router
        /// nil: the router has a layer of its own that reads something else.
        let layer: LayerParameter?
        let input: Variable
    }

    /// One expert's way from `gathered` to `made`.
    struct Expert: Sendable {
        let operations: [any RowOperation]
        let linear: [LinearOperation]
    }

    private let reading: Reading
    private let input: Use
    private let output: Variable
    /// What experts read, and what they make, `[rows of all experts, hidden_size]`.
    private let gathered: Variable
    private let made: Variable
    private let experts: [Expert]
    private let perToken: Int
    private let buffers: Lending<TuningBuffers>
    private var routed = Routed(experts: [], ofToken: [])

    /// Where the tokens of a group go.
    private struct Routed: Sendable {
        /// The rows of each expert, and its tokens.
        var experts: [(rows: Range<Int>, tokens: ExpertTokens)]
        /// The rows of each token, in order of the experts, and what they are weighed by.
        var ofToken: [[(row: Int, weight: Float)]]
    }

    init(
        _ reading: Reading, input: Use, output: Variable, gathered: Variable, made: Variable,
        experts: [Expert], perToken: Int, widest: Int
    ) {
        self.reading = reading
        self.input = input
        self.output = output
        self.gathered = gathered
        self.made = made
        self.experts = experts
        self.perToken = perToken
        buffers = Lending { TuningBuffers(widest: widest) }
    }

    func forward(_ group: TuningGroup, _ pool: WorkerPool) throws {
        try route(group, pool)
        try forEachChunk(pool) { expert, tokens, chunk, buffers in
            gather(
                tokens.rows[...], of: self.input.variable.value,
                into: self.gathered.value.rows(chunk.rows))
            for operation in expert.operations { operation.forward(chunk, buffers) }
        }
        try sum(of: made.value, into: output.value, group, pool, weighed: true, accumulates: false)
    }

    func backward(_ group: TuningGroup, _ pool: WorkerPool) throws {
        try forEachChunk(pool) { expert, tokens, chunk, buffers in
            let change = self.made.gradient.rows(chunk.rows)
            gather(tokens.rows[...], of: self.output.gradient, into: change)
            scaleRows(change, by: tokens.weights[...])
            for operation in expert.operations.reversed() { operation.backward(chunk, buffers) }
        }
        guard input.variable.needsGradient else { return }
        try sum(
            of: gathered.gradient, into: input.variable.gradient, group, pool, weighed: false,
            accumulates: input.accumulates)
    }

    func products(_ group: TuningGroup) -> [WeightProduct] {
        zip(experts, routed.experts).flatMap { expert, routed in
            expert.linear.map { $0.product(routed.rows) }
        }
    }

    /// Adds up the rows of each token.
    private func sum(
        of rows: Matrix, into target: Matrix, _ group: TuningGroup, _ pool: WorkerPool,
        weighed: Bool, accumulates: Bool
    ) throws {
        let routed = routed
        try pool.forEach(group.chunks) { index in
            let range = group.chunk(index).rows
            if !accumulates { target.rows(range).fill(0) }
            for token in range {
                let own = target.rows(token..<(token + 1))
                for (row, weight) in routed.ofToken[token] {
                    pass(
                        rows.rows(row..<(row + 1)), times: weighed ? weight : 1, to: own,
                        accumulates: true)
                }
            }
        }
    }

    private func route(_ group: TuningGroup, _ pool: WorkerPool) throws {
        let routes = Routes(tokens: group.rows, perToken: perToken)
        let reading = reading
        try pool.forEach(group.chunks, state: { Products() }) { index, products in
            reading.route(group.chunk(index).rows, into: routes, products)
        }
        var (start, found) = (0, Routed(experts: [], ofToken: []))
        found.ofToken = [[(row: Int, weight: Float)]](repeating: [], count: group.rows)
        for tokens in routes.tokens(of: 0..<experts.count) {
            for (place, (token, weight)) in zip(tokens.rows, tokens.weights).enumerated() {
                found.ofToken[Int(token)].append((row: start + place, weight: weight))
            }
            found.experts.append((rows: start..<(start + tokens.count), tokens: tokens))
            start += tokens.count
        }
        routed = found
    }

    private func forEachChunk(
        _ pool: WorkerPool,
        _ body:
            @Sendable (
                Expert, _ tokens: (rows: [Int32], weights: [Float]), TokenChunk, TuningBuffers
            ) -> Void
    ) throws {
        let (experts, routed) = (experts, routed)
        let tasks = routed.experts.enumerated().flatMap { expert, part in
            TuningGroup.chunks(of: part.rows).map { (expert, $0) }
        }
        try pool.forEach(tasks.count, state: { buffers.borrow() }) { index, loan in
            let (expert, chunk) = tasks[index]
            let (rows, tokens) = routed.experts[expert]
            let start = chunk.rows.lowerBound - rows.lowerBound
            let places = start..<(start + chunk.rows.count)
            body(
                experts[expert], (Array(tokens.rows[places]), Array(tokens.weights[places])),
                chunk, loan.buffers)
        }
    }
}

extension MixtureOperation.Reading {
    /// Sends some tokens to their experts.
    func route(_ rows: Range<Int>, into routes: Routes, _ products: Products) {
        let x = input.value.rows(rows)
        let logits = Matrix(rows: rows.count, columns: router.mixture.experts).view
        if let layer {
            layer.apply(x, into: logits)
        } else {
            let normed = Matrix(rows: rows.count, columns: x.columns).view
            router.beside?.apply(x, into: logits, through: normed, products)
        }
        router.route(logits, first: rows.lowerBound, into: routes)
    }

    /// What it takes for each thread, in bytes.
    static func bytes(_ mixture: MixtureConfiguration, hiddenSize: Int) -> Int {
        4 * TokenChunk.size * (mixture.experts + hiddenSize)
    }
}

/// y = x sigmoid(gate), a gate for each token: of the expert that all tokens go to.
struct ShareOperation: RowOperation {
    let input: Use
    /// One column.
    let gate: Use
    let output: Variable

    func forward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        let y = output.value.rows(chunk.rows)
        y.copy(from: input.value(chunk.rows))
        scaleRows(y, by: factors(chunk)[...])
    }

    func backward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        let change = output.gradient.rows(chunk.rows)
        let factors = factors(chunk)
        guard let dx = input.gradient(chunk.rows), let dg = gate.gradient(chunk.rows) else {
            return
        }
        let x = input.value(chunk.rows)
        for (row, factor) in factors.enumerated() {
            let one = row..<(row + 1)
            let sum = rowProduct(
                change.part(rows: one, columns: 0..<x.columns),
                x.part(rows: one, columns: 0..<x.columns))
            dg[row, 0] = Float(sum) * factor * (1 - factor)
        }
        pass(change, to: dx, accumulates: false)
        scaleRows(dx, by: factors[...])
    }

    private func factors(_ chunk: TokenChunk) -> [Float] {
        let gates = gate.value(chunk.rows)
        return (0..<gates.rows).map { sigmoid(gates[$0, 0]) }
    }
}
