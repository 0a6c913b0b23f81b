import Tensors

/// How mask and remaining weights of a layer are chosen together, from the covariance of its input.
package enum Solver: Sendable, Hashable {
    /// Optimal brain surgeon, column by column: SparseGPT. On the covariance where `isCentred`,
    /// else on the second moment; `updates` says whether the other weights make up for those that
    /// go.
    case brainSurgeon(isCentred: Bool, updates: Bool)
    /// Least squares by ADMM and conjugate gradients, on the covariance where the bias takes up the
    /// mean, else on the second moment.
    case leastSquares
    /// Whole columns by optimal brain surgeon, in groups of so many: `ColumnElimination`.
    case elimination(size: Int)

    /// Whether it changes the weights that stay, and so can go towards another output.
    package var updates: Bool {
        if case .brainSurgeon(_, let updates) = self { updates } else { true }
    }

    /// Whether it is on the covariance; nil: where the bias takes up the mean.
    var isCentred: Bool? {
        if case .brainSurgeon(let isCentred, _) = self { isCentred } else { nil }
    }

    /// Memory for the weights that it starts from where it goes towards the dense model's output,
    /// in bytes.
    package static func aimedBytes(rows: Int, columns: Int, threads: Int) -> Int {
        4 * rows * columns + AimedWeights.bytes(features: columns, threads: threads)
    }

    /// Memory while a layer is solved, beside its weights, its mask and the covariance, in bytes.
    package func bytes(rows: Int, columns: Int, threads: Int) -> Int {
        let dense = 4 * rows * columns
        // Buffers of `quadraticForms`.
        let forms = threads * 4 * min(256, columns) * (columns + 64)
        return switch self {
        case .brainSurgeon:
            dense
                + max(
                    forms,
                    InverseFactor.bytes(features: columns)
                        + BrainSurgery.bytes(rows: rows, columns: columns, threads: threads))
        case .leastSquares:
            dense
                + max(
                    forms,
                    ScaledCovariance.bytes(features: columns)
                        + LeastSquaresPruning.bytes(columns: columns, threads: threads))
        case .elimination(let size):
            dense
                + max(
                    forms,
                    ColumnElimination.bytes(
                        rows: rows, columns: columns, size: size,
                        atOnce: size * ChannelPruning.atOnce(groups: columns / size, size: size),
                        threads: threads))
        }
    }
}
