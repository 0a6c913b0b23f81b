import Tensors

/// A norm over all features of a token, or over each head of it.
struct NormOperation: RowOperation {
    let parameter: NormParameter
    let input: Use
    let output: Variable
    /// Features of a head; nil: the norm is over all.
    let dimension: Int?
    /// What each chunk of a group has found for weight and bias, `[2 * chunks, features]`; of no
    /// rows where there are none.
    private let sums: Matrix

    init(
        _ parameter: NormParameter, _ input: Use, _ output: Variable, dimension: Int?, chunks: Int
    ) {
        self.parameter = parameter
        self.input = input
        self.output = output
        self.dimension = dimension
        sums = Matrix(rows: parameter.isTuned ? 2 * chunks : 0, columns: parameter.features)
    }

    func forward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        let (x, y) = (input.value(chunk.rows), output.value.rows(chunk.rows))
        guard let dimension else { return parameter.used.apply(x, into: y) }
        y.copy(from: x)
        parameter.used.applyPerHead(y, headDimension: dimension)
    }

    func backward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        // A norm without weights over what the block reads.
        guard output.needsGradient else { return }
        let place = (2 * chunk.index)..<(2 * chunk.index + 2)
        let found = parameter.isTuned ? sums.rows(place) : nil
        found?.fill(0)
        let dx = input.gradient(chunk.rows)
        let width = dimension ?? output.width
        for start in stride(from: 0, to: output.width, by: width) {
            let columns = start..<(start + width)
            func part(_ x: MatrixView) -> MatrixView {
                x.part(rows: 0..<x.rows, columns: columns)
            }
            let hasOwn = parameter.features > width
            normGradient(
                part(input.value(chunk.rows)), isCentred: parameter.isCentred,
                weight: parameter.used.weight.map { hasOwn ? Array($0[columns]) : $0 },
                epsilon: parameter.used.epsilon, of: part(output.gradient.rows(chunk.rows)),
                into: dx.map(part), accumulates: input.accumulates,
                sums: hasOwn ? found.map(part) : found)
        }
    }

    func settle(_ group: TuningGroup, accumulates: Bool) {
        guard parameter.isTuned else { return }
        parameter.add(sums.rows(0..<(2 * group.chunks)), accumulates: accumulates)
    }
}
