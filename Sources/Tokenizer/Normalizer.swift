import Documents

/// `normalizer`: what is done to text before its words are looked for.
struct Normalizer: Sendable {
    fileprivate enum Step: Sendable {
        case nfc
        case nfd
        case prepend([UInt8])
        case replace(TextPattern, with: [UInt8])
    }

    private var steps: [Step] = []

    /// - Parameter field: may be null, for no steps.
    init(_ field: Field) throws(DocumentError) {
        if !field.isNull { try add(field) }
    }

    var isEmpty: Bool { steps.isEmpty }

    private mutating func add(_ field: Field) throws(DocumentError) {
        let type = try field.type()
        switch type {
        case "Sequence":
            for element in try field["normalizers"].elements() { try add(element) }
        case "NFC": steps.append(.nfc)
        case "NFD": steps.append(.nfd)
        case "Prepend":
            steps.append(.prepend(Array(try field["prepend"].string().utf8)))
        case "Replace":
            steps.append(
                .replace(
                    try TextPattern(field["pattern"]),
                    with: Array(try field["content"].string().utf8)))
        default:
            throw field.unsupported(type, supported: "NFC, NFD, Prepend, Replace and Sequence")
        }
    }

    /// What it does to a text that is cut before spaces.
    var effectOnCuts: EffectOnCuts {
        var effect = EffectOnCuts.none
        for step in steps {
            switch step {
            // Nothing is composed with a space, or over one.
            case .nfc, .nfd: break
            // It is done at the start alone.
            case .prepend: break
            case .replace(.literal(let bytes), let content)
            where bytes == [0x20] && content == BytePairModel.space:
                effect = .spacesReplaced
            case .replace: return .unknown
            }
        }
        return effect
    }

    /// `text` after all steps; nil where they change nothing.
    /// - Parameter isStart: it is not the rest of a text that was cut.
    func normalized(
        _ text: Span<UInt8>, isStart: Bool = true, isStopped: (@Sendable () -> Bool)? = nil
    ) throws(DocumentError) -> [UInt8]? {
        var result: [UInt8]?
        for step in steps {
            if case .prepend = step, !isStart { continue }
            if let current = result {
                if let next = try Self.apply(step, to: current.span, isStopped) { result = next }
            } else {
                result = try Self.apply(step, to: text, isStopped)
            }
        }
        return result
    }

    private static func apply(
        _ step: Step, to text: Span<UInt8>, _ isStopped: (@Sendable () -> Bool)?
    ) throws(DocumentError) -> [UInt8]? {
        switch step {
        case .nfc: return CanonicalForm.shared.composed(text)
        case .nfd: return CanonicalForm.shared.decomposed(text)
        case .prepend(let prefix):
            if text.isEmpty { return nil }
            var result = prefix
            result.reserveCapacity(prefix.count + text.count)
            result.append(text)
            return result
        case .replace(let pattern, let content):
            var result: [UInt8] = []
            result.reserveCapacity(text.count)
            var cursor = TextPattern.Cursor(isStopped: isStopped)
            var end = 0
            while let match = try pattern.next(in: text, after: &cursor) {
                result.append(text.extracting(end..<match.lowerBound))
                result += content
                end = match.upperBound
            }
            result.append(text.extracting(end..<text.count))
            return result
        }
    }
}
