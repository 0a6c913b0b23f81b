import Posix

/// A `config.json` that cannot be followed.
package struct ModelError: Failure, Hashable {
    package enum Reason: Sendable, Hashable {
        case missing(key: String)
        case value(key: String, found: String, expected: String)
        case family(found: String, supported: [String])
        case unexpectedBias(tensor: String)
        case tokenOutOfRange(token: Int, vocabulary: Int)
        case tooLong(length: Int, positions: Int)
    }

    /// The model directory or the file that is wrong.
    package let file: String
    package let reason: Reason

    package var exitCode: ExitCode { .data }

    package var description: String {
        let text =
            switch reason {
            case .missing(let key):
                "key '\(key)' is missing"
            case .value(let key, let found, let expected):
                "'\(escaped(key))' is \(escaped(found, limit: 80)), expected \(expected)"
            case .family(let found, let supported):
                "model_type '\(escaped(found, limit: 80))' is not supported; supported are "
                    + supported.joined(separator: ", ")
            case .unexpectedBias(let tensor):
                "tensor \(escaped(tensor)) is there, but config.json says that the layer has no "
                    + "bias"
            case .tokenOutOfRange(let token, let vocabulary):
                "token \(token) is outside the model's vocabulary of \(vocabulary); "
                    + "the tokens were made for another model"
            case .tooLong(let length, let positions):
                "length \(length) is more than the model's \(positions) positions "
                    + "(max_position_embeddings)"
            }
        return "\(escaped(file)): \(text)"
    }
}
