import Tensors

/// The mean of a layer's input in parts of the calibration, by which is told what of it carries
/// over to text that was not seen.
package struct CalibrationParts: Sendable {
    /// `[parts, features]`.
    let means: Matrix
    /// Tokens of a part; those behind the last whole part are in none.
    let tokens: Int
    /// How many units of about 1024 tokens a part has.
    let units: Int

    var count: Int { means.rows }

    /// How much further text of another kind is taken to be from the calibration than one unit of
    /// it from another, in variance: of what the mean brings to lost weights, and of the scales of
    /// rows. Fitted to what a novel and an encyclopedia differ by; `docs/methods.md`, "What carries
    /// over".
    static let meanDoubt = 32.0
    static let scaleDoubt = 8.0
}
