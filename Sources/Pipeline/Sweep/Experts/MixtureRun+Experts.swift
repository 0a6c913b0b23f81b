import Tensors
import Transformer

/// A block of which experts go: the calibration stands before its experts while they are judged.
extension MixtureRun {
    /// The calibration through the attention, to experts that are all there yet.
    mutating func enterAll(_ block: Block, _ states: HiddenStates) throws -> MixtureStream {
        sweep.watch.progress(.pruning, block: index, sweep.lanes[0].label)
        let (stream, cost) = try enter(states, through: block, rows: nil, isCalibration: true)
        add(cost)
        return stream
    }

    /// What the dense experts' outputs are to be added to, of the tokens whose outputs are
    /// compared or of all: what the shared expert has made.
    func denseSums(_ stream: MixtureStream, ofAll isWhole: Bool) throws -> Matrix {
        let rows = isWhole ? stream.sums.rows : comparedRows
        let sums = isWhole ? try zeros(rows) : Matrix(rows: rows, columns: stream.sums.columns)
        try sweep.pool.forEach((rows + Tile.size - 1) / Tile.size) { piece in
            let part = (piece * Tile.size)..<min(rows, (piece + 1) * Tile.size)
            sums.rows(part).copy(from: stream.sums.rows(part))
            for matrix in [sums, stream.sums] { matrix.release(part) }
        }
        return sums
    }

    /// Keeps what the dense block makes of the tokens whose outputs are compared.
    mutating func keepDense(_ stream: MixtureStream, _ sums: Matrix) {
        let rows = comparedRows
        func first(_ matrix: Matrix) -> Matrix {
            let copy = Matrix(rows: rows, columns: matrix.columns)
            copy.view.copy(from: matrix.rows(0..<rows))
            return copy
        }
        source = MixtureStream(
            middle: first(stream.middle), routes: stream.routes, sums: first(sums),
            beside: stream.beside.map(first), tokens: stream.tokens, isCalibration: true)
    }

    /// The calibration, sent to the experts that the block's router chooses among now.
    func reroute(_ stream: MixtureStream, _ block: Block) throws -> MixtureStream {
        let routes = Routes(tokens: stream.routes.tokens, perToken: block.expertsPerToken)
        try sweep.passes.forward.route(block, stream.middle, into: routes)
        return MixtureStream(
            middle: stream.middle, routes: routes, sums: stream.sums, beside: stream.beside,
            tokens: stream.tokens, isCalibration: true)
    }
}
