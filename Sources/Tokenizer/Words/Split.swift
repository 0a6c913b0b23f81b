import Documents

/// The pre-tokeniser `Split`: cuts text at the matches of a pattern.
struct Split: Sendable {
    enum Behavior: String, Sendable, CaseIterable {
        case isolated = "Isolated"
        case removed = "Removed"
        case contiguous = "Contiguous"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"

        init(_ field: Field) throws(DocumentError) {
            let name = try field.string()
            guard let behavior = Behavior(rawValue: name) else {
                throw field.error(
                    "\(quoted(name)) is not supported; supported are "
                        + Self.allCases.map(\.rawValue).joined(separator: ", "))
            }
            self = behavior
        }
    }

    let pattern: TextPattern
    let behavior: Behavior
    let inverts: Bool

    init(pattern: TextPattern, behavior: Behavior, inverts: Bool = false) {
        self.pattern = pattern
        self.behavior = behavior
        self.inverts = inverts
    }

    init(_ field: Field) throws(DocumentError) {
        self.init(
            pattern: try TextPattern(field["pattern"]),
            behavior: try Behavior(field["behavior"]),
            inverts: try field["invert"].bool())
    }

    /// The pieces that `text` is cut into, none of them empty.
    ///
    /// Source: `NormalizedString::split` of the tokenizers library, with its ways of merging.
    func pieces(
        of text: Span<UInt8>, isStopped: (@Sendable () -> Bool)? = nil
    ) throws(DocumentError) -> [Range<Int>] {
        var sections = try sections(of: text, isStopped)
        if behavior == .mergedWithNext { sections.reverse() }
        var pieces: [Range<Int>] = []
        var previousMatches = false
        for (range, matches) in sections {
            let joins =
                switch behavior {
                case .isolated, .removed: false
                case .contiguous: matches == previousMatches
                case .mergedWithPrevious, .mergedWithNext: matches && !previousMatches
                }
            previousMatches = matches
            if behavior == .removed, matches { continue }
            if joins, let last = pieces.last {
                pieces[pieces.count - 1] =
                    min(last.lowerBound, range.lowerBound)..<max(last.upperBound, range.upperBound)
            } else {
                pieces.append(range)
            }
        }
        if behavior == .mergedWithNext { pieces.reverse() }
        return pieces.filter { !$0.isEmpty }
    }

    /// The matches and what is between them.
    private func sections(
        of text: Span<UInt8>, _ isStopped: (@Sendable () -> Bool)?
    ) throws(DocumentError) -> [(range: Range<Int>, matches: Bool)] {
        var result: [(range: Range<Int>, matches: Bool)] = []
        var cursor = TextPattern.Cursor(isStopped: isStopped)
        var end = 0
        while let match = try pattern.next(in: text, after: &cursor) {
            if end != match.lowerBound { result.append((end..<match.lowerBound, inverts)) }
            result.append((match, !inverts))
            end = match.upperBound
        }
        if end != text.count { result.append((end..<text.count, inverts)) }
        return result
    }
}
