import Tensors

/// A linear layer: y = x Wᵀ + b.
struct LinearOperation: RowOperation {
    let parameter: LayerParameter
    let input: Use
    let output: Variable

    func forward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        parameter.apply(input.value(chunk.rows), into: output.value.rows(chunk.rows))
    }

    func backward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        guard let dx = input.gradient(chunk.rows) else { return }
        multiply(
            output.gradient.rows(chunk.rows), parameter.used.view, transposed: false, into: dx,
            accumulates: input.accumulates)
    }

    func products(_ group: TuningGroup) -> [WeightProduct] {
        [product(0..<group.rows)]
    }

    func product(_ rows: Range<Int>) -> WeightProduct {
        WeightProduct(
            parameter: parameter, input: input.value(rows), gradient: output.gradient.rows(rows))
    }
}

/// Takes the parts of a layer that is several in one out of what it makes.
struct SplitOperation: RowOperation {
    let input: Use
    /// The columns of each part.
    let parts: [[Range<Int>]]
    let outputs: [Variable]

    func forward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        for (ranges, output) in zip(parts, outputs) {
            gatherColumns(output.value.rows(chunk.rows), of: input.value(chunk.rows), ranges)
        }
    }

    func backward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        guard let dx = input.gradient(chunk.rows) else { return }
        for (ranges, output) in zip(parts, outputs) {
            scatterColumns(output.gradient.rows(chunk.rows), to: dx, ranges)
        }
    }
}

/// x + factor y: what a block adds to the sum that runs through it.
struct AddOperation: RowOperation {
    let sum: Use
    let addend: Use
    let factor: Float
    let output: Variable

    func forward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        Tensors.sum(
            sum.value(chunk.rows), addend.value(chunk.rows), times: factor,
            into: output.value.rows(chunk.rows))
    }

    func backward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        let change = output.gradient.rows(chunk.rows)
        if let dx = sum.gradient(chunk.rows) {
            pass(change, to: dx, accumulates: sum.accumulates)
        }
        if !addend.variable.sharesGradient, let dy = addend.gradient(chunk.rows) {
            pass(change, times: factor, to: dy, accumulates: addend.accumulates)
        }
    }
}
