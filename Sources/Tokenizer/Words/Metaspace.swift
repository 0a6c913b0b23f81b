import Documents

/// The pre-tokeniser `Metaspace`, SentencePiece's way: spaces become a visible character.
struct Metaspace: Sendable {
    enum PrependScheme: String, Sendable {
        case first, never, always
    }

    /// One scalar, as UTF-8.
    let replacement: [UInt8]
    let prependScheme: PrependScheme
    /// Cuts before each replacement; nil: not at all.
    let split: Split?

    init(_ field: Field) throws(DocumentError) {
        let text = try field["replacement"].string()
        guard text.unicodeScalars.count == 1 else {
            throw field["replacement"].error("a single character is expected")
        }
        replacement = Array(text.utf8)
        if field["prepend_scheme"].isNull {
            prependScheme = try field["add_prefix_space"].bool(default: true) ? .always : .never
        } else {
            let name = try field["prepend_scheme"].string()
            guard let scheme = PrependScheme(rawValue: name) else {
                throw field["prepend_scheme"].error(
                    "\(quoted(name)) is not supported; supported are always, first and never")
            }
            prependScheme = scheme
        }
        split =
            try field["split"].bool(default: true)
            ? Split(pattern: .literal(replacement), behavior: .mergedWithNext) : nil
    }

    /// `text` with its spaces replaced and with the replacement before it where the scheme says so.
    /// - Parameter isFirst: the text is at the very beginning of the document.
    func replaceSpaces(in text: Span<UInt8>, isFirst: Bool) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count + text.count / 2 + replacement.count)
        let prepends =
            switch prependScheme {
            case .always: true
            case .first: isFirst
            case .never: false
            }
        if prepends, !text.starts(with: [0x20], at: 0),
            !text.starts(with: replacement, at: 0)
        {
            result += replacement
        }
        for index in text.indices {
            if text[index] == 0x20 { result += replacement } else { result.append(text[index]) }
        }
        return result
    }
}
