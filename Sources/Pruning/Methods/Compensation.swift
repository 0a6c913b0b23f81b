/// What is done for the weights that went. With W the weights before, W' after, y = W x, y' = W' x:
package enum Compensation: String, Sendable, Hashable, CaseIterable {
    /// Nothing.
    case none
    /// `b_i += sum_j (W_ij - W'_ij) mean_j` (STADE, arXiv 2503.22451).
    case mean
    /// Row i of W' times `a_i = sum y_i y'_i / sum y'_i^2`, the least-squares fit without a bias.
    case scale
    /// Row i of W' times `a_i = cov(y_i, y'_i) / var(y'_i)`, then `mean` with the scaled W'.
    case affine
    /// `scale`, of which that much is done that carries over between parts of the calibration: see
    /// `docs/methods.md`.
    case scaleShrunk = "scale-shrunk"
    /// `affine`, of whose scale and mean that much is done that carries over.
    case affineShrunk = "affine-shrunk"

    /// Whether it changes the layer's bias.
    package var needsBias: Bool { self == .mean || isCentred }

    /// Whether rows are rescaled, which takes inputs of the layer to fit on.
    package var fitsScale: Bool { self != .none && self != .mean }

    /// Whether scales fit the output about its mean.
    var isCentred: Bool { self == .affine || self == .affineShrunk }

    var isShrunk: Bool { self == .scaleShrunk || self == .affineShrunk }

    /// What is left of it where no bias can be carried.
    package var withoutBias: Compensation {
        switch self {
        case .none, .mean: .none
        case .scale, .affine: .scale
        case .scaleShrunk, .affineShrunk: .scaleShrunk
        }
    }
}
