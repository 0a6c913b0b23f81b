import Glibc
import Tensors

/// Turns queries or keys by their positions, in place.
struct RotateOperation: RowOperation {
    let variable: Variable
    let table: RotaryTable
    /// Features of a head that stay, and come first, and of the others.
    let plain: Int
    let rotated: Int

    func forward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        apply(variable.value.rows(chunk.rows), chunk, isTransposed: false)
    }

    func backward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        apply(variable.gradient.rows(chunk.rows), chunk, isTransposed: true)
    }

    private func apply(_ x: MatrixView, _ chunk: TokenChunk, isTransposed: Bool) {
        // All heads at once where nothing stands between them.
        let size = plain == 0 ? x.columns : plain + rotated
        for start in stride(from: 0, to: x.columns, by: size) {
            table.apply(
                x.part(rows: 0..<x.rows, columns: (start + plain)..<(start + size)),
                headDimension: rotated, from: chunk.positions.lowerBound,
                isTransposed: isTransposed)
        }
    }
}

/// Multiplies queries by what depends on their position, in place.
struct GrowOperation: RowOperation {
    let variable: Variable
    let growth: Rotation.Growth

    func forward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        growth.apply(variable.value.rows(chunk.rows), positions: chunk.positions)
    }

    func backward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        growth.apply(variable.gradient.rows(chunk.rows), positions: chunk.positions)
    }
}

/// Keeps values between a limit and its negative.
struct ClampOperation: RowOperation {
    let input: Use
    let limit: Float
    let output: Variable

    func forward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        let y = output.value.rows(chunk.rows)
        y.copy(from: input.value(chunk.rows))
        clamp(y, to: limit)
    }

    func backward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        guard let dx = input.gradient(chunk.rows) else { return }
        dx.copy(from: output.gradient.rows(chunk.rows))
        clampGradient(dx, input.value(chunk.rows), to: limit)
    }
}

/// Multiplies by a constant, in place.
struct ScaleOperation: RowOperation {
    let variable: Variable
    let factor: Float

    func forward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        scale(variable.value.rows(chunk.rows), by: factor)
    }

    func backward(_ chunk: TokenChunk, _ buffers: TuningBuffers) {
        scale(variable.gradient.rows(chunk.rows), by: factor)
    }
}
