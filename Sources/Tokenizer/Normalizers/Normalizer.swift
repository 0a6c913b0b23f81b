import Documents

/// `normalizer`: what is done to text before its words are looked for.
struct Normalizer: Sendable {
    private enum Step: Sendable {
        case form(NormalForm)
        case prepend([UInt8])
        case replace(TextPattern, with: [UInt8])
        case scalars(ScalarChanges)
        case strip(left: Bool, right: Bool)
        case map(CharsMap)
        /// `ByteLevel`: each byte becomes the character that stands for it.
        case bytes
    }

    private var steps: [Step] = []

    private static let supported =
        "BertNormalizer, ByteLevel, Lowercase, NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend, "
        + "Replace, Sequence, Strip and StripAccents"

    /// - Parameters:
    ///   - field: may be null, for no steps.
    ///   - map: what comes before them.
    init(_ field: Field, after map: CharsMap? = nil) throws(DocumentError) {
        if let map { steps.append(.map(map)) }
        if !field.isNull { try add(field) }
    }

    var isEmpty: Bool { steps.isEmpty }

    private mutating func add(_ field: Field) throws(DocumentError) {
        let type = try field.type()
        switch type {
        case "Sequence":
            for element in try field["normalizers"].elements() { try add(element) }
        case "NFC": steps.append(.form(.c))
        case "NFD": steps.append(.form(.d))
        case "NFKC": steps.append(.form(.kc))
        case "NFKD": steps.append(.form(.kd))
        case "Lowercase": steps.append(.scalars(.lowercase))
        case "StripAccents": steps.append(.scalars(.marks))
        case "Nmt": steps.append(.scalars(.nmt))
        case "ByteLevel": steps.append(.bytes)
        case "BertNormalizer": try addBert(field)
        case "Strip":
            steps.append(
                .strip(
                    left: try field["strip_left"].bool(), right: try field["strip_right"].bool()))
        case "Precompiled":
            if let map = try CharsMap(base64: field["precompiled_charsmap"]) {
                steps.append(.map(map))
            }
        case "Prepend":
            steps.append(.prepend(Array(try field["prepend"].string().utf8)))
        case "Replace":
            steps.append(
                .replace(
                    try TextPattern(field["pattern"]),
                    with: Array(try field["content"].string().utf8)))
        default:
            throw field.unsupported(type, supported: Self.supported)
        }
    }

    private mutating func addBert(_ field: Field) throws(DocumentError) {
        let lowercases = try field["lowercase"].bool()
        if try field["clean_text"].bool() { steps.append(.scalars(.cleaning)) }
        if try field["handle_chinese_chars"].bool() { steps.append(.scalars(.ideographs)) }
        if try field["strip_accents"].bool(default: lowercases) {
            steps += [.form(.d), .scalars(.accents)]
        }
        if lowercases { steps.append(.scalars(.lowercase)) }
    }

    /// What it does to a text that is cut before spaces.
    var effectOnCuts: EffectOnCuts {
        var effect = EffectOnCuts.none
        for step in steps {
            switch step {
            // Nothing is composed with a space, or over one. A compatible form may end in another
            // kind of character than the one that it stands for.
            case .form(let form): if form.isCompatible { return .unknown }
            // It is done at the start alone.
            case .prepend: break
            case .replace(.literal(let bytes), let content)
            where bytes == [0x20] && content == BytePairModel.space:
                effect = .spacesReplaced
            case .replace, .scalars, .strip, .map, .bytes: return .unknown
            }
        }
        return effect
    }

    /// Whether what a text begins with may go, so that what is first then was not first in the
    /// text.
    var mayDropStart: Bool {
        steps.contains { step in
            switch step {
            case .form, .prepend, .bytes: false
            case .replace(.literal(let bytes), let content): content.isEmpty || bytes.isEmpty
            case .replace, .scalars, .strip, .map: true
            }
        }
    }

    /// Whether the character that a text begins with goes, and what was prepended to it, so that
    /// what is first then was not first in the text.
    func dropsStart(of text: Span<UInt8>) throws(DocumentError) -> Bool {
        guard mayDropStart, !text.isEmpty else { return false }
        let first = text.extracting(0..<text.scalar(at: 0).length)
        return try normalized(first)?.isEmpty ?? false
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
        case .form(let form): return form.normalized(text)
        case .scalars(let changes): return changes.apply(to: text)
        case .map(let map): return map.apply(to: text)
        case .bytes: return ByteAlphabet.spelt(text)
        case .strip(let left, let right): return strip(text, left: left, right: right)
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

    private static func strip(_ text: Span<UInt8>, left: Bool, right: Bool) -> [UInt8] {
        var (start, end) = (0, text.count)
        func isSpace(_ value: UInt32) -> Bool {
            ScalarClasses.shared.of(value) & ScalarClasses.space != 0
        }
        while left, start < end, case let scalar = text.scalar(at: start), isSpace(scalar.value) {
            start += scalar.length
        }
        while right, start < end, case let scalar = text.scalar(before: end), isSpace(scalar.value)
        {
            end -= scalar.length
        }
        var result: [UInt8] = []
        result.append(text.extracting(start..<end))
        return result
    }
}
