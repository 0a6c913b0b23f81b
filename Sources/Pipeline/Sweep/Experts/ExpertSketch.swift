import Pruning
import Tensors
import Transformer

/// What every expert of a block makes of a sample of the calibration's tokens, whether they are
/// sent to it or not, in few dimensions: a projection by random signs keeps lengths and angles, but
/// for errors that average out over tokens.
struct ExpertSketch: Sendable {
    /// Features of a projection at most.
    static let width = 256
    /// Tokens of a sample.
    private static let tokens = 512...4096
    /// Bytes that all projections may take, where there are more tokens than the fewest.
    private static let budget = 96 << 20

    private let sweep: Sweep
    private let norms: Block
    /// The sample before the experts, `[tokens, hidden_size]`.
    private let middle: Matrix
    /// `[width, hidden_size]`; nil where outputs are no wider.
    private let projection: Matrix?
    /// The router's outputs, `[tokens, experts]`.
    let routerOutputs: Matrix
    /// `[experts]`, each `[tokens, at most width]`.
    let outputs: [Matrix]
    /// What each token's squared error is divided by: the squared norm of what stands before the
    /// experts.
    let powers: [Double]

    var tokens: Int { middle.rows }

    init(
        _ sweep: Sweep, _ block: Block, _ source: MixtureStream, experts: Int, length: Int
    ) throws {
        self.sweep = sweep
        norms = block.withoutLayers
        let hidden = source.middle.columns
        let limit = Self.limit(experts: experts, hidden: hidden)
        let sample = SampleRows(tokens: source.routes.tokens, limit: limit, length: length)
        let middle = Matrix(rows: sample.count, columns: hidden)
        let places = sample.rows(from: 0, length: source.routes.tokens).map {
            Int32(truncatingIfNeeded: $0.offset)
        }
        gather(places[...], of: source.middle, into: middle.view)
        self.middle = middle
        powers = (0..<middle.rows).map {
            let row = middle.rows($0..<($0 + 1))
            return rowProduct(row, row)
        }
        let routed = Matrix(rows: middle.rows, columns: experts)
        try sweep.passes.forward.routerOutputs(block, middle, tokens: middle.rows) { rows, first in
            routed.rows(first..<(first + rows.rows)).copy(from: rows)
        }
        routerOutputs = routed
        projection = hidden > Self.width ? Self.signs(columns: hidden, seed: sweep.seed) : nil
        let width = min(hidden, Self.width)
        outputs = (0..<experts).map { _ in Matrix(rows: middle.rows, columns: width) }
    }

    private static func limit(experts: Int, hidden: Int) -> Int {
        let fitting = budget / (4 * experts * min(hidden, width))
        return min(max(fitting, tokens.lowerBound), tokens.upperBound)
    }

    /// What one takes, in bytes.
    static func bytes(_ model: Model, tokens: Int, threads: Int) -> Int {
        guard let experts = model.configuration.mixture?.experts else { return 0 }
        let hidden = model.configuration.hiddenSize
        let rows = min(tokens, limit(experts: experts, hidden: hidden))
        // The router's outputs, too, as they are and of those tokens that a thread sends anew.
        return 4 * rows * (experts * (min(hidden, width) + 1 + 2 * threads) + 2 * hidden)
            + 4 * width * hidden
    }

    private static func signs(columns: Int, seed: UInt64) -> Matrix {
        let matrix = Matrix(rows: width, columns: columns)
        var generator = SplitMix64(seed: seed)
        let size = Float(1 / Double(width).squareRoot())
        for row in 0..<width {
            for column in 0..<columns {
                matrix.view[row, column] = generator.next() >> 63 == 0 ? size : -size
            }
        }
        return matrix
    }

    /// Runs some experts on all tokens of the sample.
    func add(_ group: ExpertGroup) throws {
        let count = tokens
        let first = group.experts.lowerBound
        let watch = sweep.watch
        let (outputs, projection) = (outputs, projection)
        try sweep.passes.forward.run(
            group, of: norms, middle, group.experts.map { _ in ExpertTokens(all: count) },
            addingTo: nil,
            made: { expert, output, place in
                let start = place - (expert - first) * count
                let rows = outputs[expert].rows(start..<(start + output.rows))
                if let projection {
                    multiply(
                        output, projection.view, transposed: true, into: rows, accumulates: false)
                } else {
                    rows.copy(from: output)
                }
            }, finished: { _ in try watch.checkStop() })
    }
}
