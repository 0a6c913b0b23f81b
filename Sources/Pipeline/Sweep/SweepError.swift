import Posix

/// A model whose activations are not numbers any more on the calibration text.
package struct SweepError: Failure, Hashable {
    /// The model directory.
    package let model: String
    /// The first layer whose input, or whose bias change, is infinite or NaN somewhere.
    package let layer: String

    package var exitCode: ExitCode { .data }

    package var description: String {
        "\(escaped(model)): layer \(escaped(layer)): activations overflow on the calibration text; "
            + "check that config.json and weights belong together"
    }
}
