import Glibc

/// Some rows of a layer whose weights are chosen so that the output stays near the dense one's:
/// least (w - v) H (w - v)ᵀ over v with few non-zero elements, w the dense row, in the
/// coordinates of a `ScaledCovariance`. One thread's buffers.
package final class LeastSquaresRows {
    private let problem: ScaledCovariance
    private let features: Int
    /// Rows in use.
    private var count = 0
    /// All `[rows, features]`: the dense rows w, w H, and three for work.
    private let dense: Matrix
    private let right: Matrix
    private let residual: Matrix
    private let direction: Matrix
    private let product: Matrix

    package init(_ problem: ScaledCovariance, rows: Int) {
        self.problem = problem
        features = problem.matrix.rows
        func matrix() -> Matrix { Matrix(rows: rows, columns: problem.matrix.rows) }
        (dense, right) = (matrix(), matrix())
        (residual, direction, product) = (matrix(), matrix(), matrix())
    }

    package static func bytes(features: Int, rows: Int) -> Int { 5 * 4 * rows * features }

    /// Takes up rows of the layer's weights.
    package func start(_ weights: MatrixView) {
        count = weights.rows
        problem.scales.withUnsafeBufferPointer { scales in
            for row in 0..<count {
                let source = weights.row(row)
                let target = dense.view.row(row)
                for j in 0..<features { target[j] = Float(Double(source[j]) * scales[j]) }
            }
        }
        multiplyByProblem(dense, into: right)
    }

    /// The dense rows, less what `mask`, `[rows, features]`, marks.
    package func masked(_ mask: Span<UInt8>, into solution: Matrix) {
        for row in 0..<count {
            let target = solution.view.checkedRow(row)
            target.update(from: dense.view.row(row), count: features)
            mask.withRow(row, columns: features) { zero(target, where: $0, count: features) }
        }
    }

    /// (w - v) H (w - v)ᵀ of each row.
    package func errors(of solution: Matrix) -> [Double] {
        for row in 0..<count {
            let target = residual.view.row(row)
            target.update(from: dense.view.row(row), count: features)
            add(solution.view.row(row), times: -1, count: features, to: target)
        }
        multiplyByProblem(residual, into: product)
        return (0..<count).map {
            dot(residual.view.row($0), product.view.row($0), count: features)
        }
    }

    /// Solves for what `mask` leaves, from where `solution` stands: conjugate gradients, which
    /// these coordinates precondition by the diagonal. Rows that are solved to rounding rest.
    package func solve(
        _ solution: Matrix, mask: Span<UInt8>, steps: Int
    ) {
        multiplyByProblem(solution, into: product)
        var power = [Double](repeating: 0, count: count)
        var enough = power
        for row in 0..<count {
            let r = residual.view.row(row)
            r.update(from: right.view.row(row), count: features)
            enough[row] = 1e-14 * dot(r, r, count: features)
            add(product.view.row(row), times: -1, count: features, to: r)
            mask.withRow(row, columns: features) { zero(r, where: $0, count: features) }
            direction.view.row(row).update(from: r, count: features)
            power[row] = dot(r, r, count: features)
        }
        for _ in 0..<steps {
            if zip(power, enough).allSatisfy({ $0 <= $1 }) { break }
            multiplyByProblem(direction, into: product)
            for row in 0..<count {
                let (r, p, q) = (
                    residual.view.row(row), direction.view.row(row), product.view.row(row)
                )
                mask.withRow(row, columns: features) { zero(q, where: $0, count: features) }
                let curvature = dot(p, q, count: features)
                guard power[row] > enough[row], curvature > 0 else { continue }
                let step = Float(power[row] / curvature)
                add(p, times: step, count: features, to: solution.view.row(row))
                add(q, times: -step, count: features, to: r)
                let next = dot(r, r, count: features)
                let turn = Float(next / power[row])
                power[row] = next
                for j in 0..<features { p[j] = r[j] + turn * p[j] }
            }
        }
    }

    /// Chooses mask and weights together by the alternating direction method of multipliers, from
    /// where `solution` stands; it ends with what `mask` leaves, not yet solved for that mask.
    /// Source: ALPS (arXiv 2406.07831), algorithm 1, with a penalty that grows step by step.
    ///
    /// - Parameters:
    ///   - steps: at most; it ends before where no mask has changed for two of them.
    ///   - mask: `[rows, features]`.
    ///   - choose: makes row `row` of the mask of that row's elements.
    package func alternate(
        _ solution: Matrix, mask: inout MutableSpan<UInt8>,
        decomposition: (values: [Float], vectors: Matrix), penalty first: Float, growth: Float,
        steps: Int,
        choose: (_ solution: MatrixView, _ row: Int, _ mask: inout MutableSpan<UInt8>) -> Void
    ) {
        let rows = 0..<count
        // What the multipliers are is in `residual`.
        let multipliers = residual
        for row in rows { multipliers.view.row(row).update(repeating: 0, count: features) }
        let buffer = Buffer<UInt8>(count: features)
        let before = buffer.start
        var penalty = first
        var settled = 0
        for _ in 0..<steps where settled < 2 {
            var isSettled = true
            // (H + penalty)⁻¹ (w H - multipliers + penalty v), through the eigenvectors.
            for row in rows {
                let target = direction.view.row(row)
                target.update(from: right.view.row(row), count: features)
                add(multipliers.view.row(row), times: -1, count: features, to: target)
                add(solution.view.row(row), times: penalty, count: features, to: target)
            }
            multiply(
                direction.rows(rows), decomposition.vectors.view, transposed: true,
                into: product.rows(rows))
            let inverse = decomposition.values.map { 1 / (max(0, $0) + penalty) }
            inverse.withUnsafeBufferPointer { inverse in
                for row in rows {
                    let target = product.view.row(row)
                    for j in 0..<features { target[j] *= inverse[j] }
                }
            }
            multiply(
                product.rows(rows), decomposition.vectors.view, transposed: false,
                into: direction.rows(rows))
            for row in rows {
                let free = direction.view.row(row)
                let multiplier = multipliers.view.row(row)
                let target = solution.view.row(row)
                for j in 0..<features { target[j] = free[j] + multiplier[j] / penalty }
                mask.withRow(row, columns: features) {
                    before.update(from: $0, count: features)
                }
                choose(solution.view, row, &mask)
                mask.withRow(row, columns: features) {
                    isSettled = isSettled && memcmp(before, $0, features) == 0
                    zero(target, where: $0, count: features)
                }
                for j in 0..<features { multiplier[j] += penalty * (free[j] - target[j]) }
            }
            penalty *= growth
            settled = isSettled ? settled + 1 : 0
        }
    }

    /// The row `index` of a solution as weights of the layer, in the same row of `weights`.
    package func store(_ solution: Matrix, row index: Int, into weights: MatrixView) {
        let source = solution.view.checkedRow(index)
        let weights = weights.checkedRow(index)
        problem.scales.withUnsafeBufferPointer { scales in
            for j in 0..<features {
                weights[j] = scales[j] > 0 ? Float(Double(source[j]) / scales[j]) : 0
            }
        }
    }

    private func multiplyByProblem(_ x: Matrix, into y: Matrix) {
        multiply(
            x.rows(0..<count), problem.matrix.view, transposed: false, into: y.rows(0..<count))
    }
}
