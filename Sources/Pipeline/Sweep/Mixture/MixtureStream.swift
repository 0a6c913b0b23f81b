import Tensors
import Transformer

/// Hidden states inside of a mixture's block: behind its attention, while one group of experts
/// after the other adds what it makes of them.
struct MixtureStream {
    /// What the experts read, before its norm, `[tokens, hidden_size]`.
    let middle: Matrix
    let routes: Routes
    /// What the shared expert and the experts so far make of the first tokens, `[at most tokens,
    /// hidden_size]`.
    let sums: Matrix
    /// What stands beside the experts; nil: the mixture takes the feed-forward's place.
    let beside: Matrix?
    /// Of each row.
    let tokens: [Int32]
    /// Whether they are the calibration's.
    let isCalibration: Bool
}
