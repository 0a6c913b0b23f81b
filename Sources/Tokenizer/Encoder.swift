import Documents

/// Encodes texts with one tokenizer, one after the other, and remembers the words it has seen.
package struct Encoder: ~Copyable {
    let tokenizer: Tokenizer
    /// The tokens of all texts so far, joined.
    package private(set) var tokens: [Int32] = []
    private var limit: Int
    private let isStopped: (@Sendable () -> Bool)?
    private var cache = WordCache()
    private var merger = WordMerger()
    private var word: [Int32] = []
    private var nodes: [UnigramModel.Node] = []

    /// - Parameters:
    ///   - limit: no more than so many tokens are wanted. The rest of the text is skipped.
    ///   - isStopped: asked between the matches of a pattern, which may take long; where it is
    ///     true, encoding ends with an error.
    package init(
        _ tokenizer: Tokenizer, limit: Int = .max, isStopped: (@Sendable () -> Bool)? = nil
    ) {
        self.tokenizer = tokenizer
        self.limit = limit
        self.isStopped = isStopped
    }

    /// The tokens so far, which are not kept. They count towards the limit.
    mutating func take() -> [Int32] {
        if limit < .max { limit -= tokens.count }
        defer { tokens = [] }
        return tokens
    }

    /// Whether there are `limit` tokens, so that further texts add none.
    package var isFull: Bool { tokens.count >= limit }

    /// Appends the tokens of `text`, or of a part of one that is cut where `TextCuts` says.
    /// - Throws: `DocumentError` where a pattern of the tokenizer cannot be matched against this
    ///   text with reasonable effort, and where the text has more than 2^31 characters without a
    ///   word's end.
    package mutating func add(
        _ text: UTF8Span, addSpecialTokens: Bool, isStart: Bool = true, isEnd: Bool = true
    ) throws(DocumentError) {
        var isBehind = false
        for piece in tokenizer.postProcessor.pieces {
            switch piece {
            case .tokens(let special):
                if addSpecialTokens, isBehind ? isEnd : isStart { tokens += special }
            case .text:
                try addText(text.span, isStart: isStart)
                isBehind = true
            }
        }
        if tokens.count > limit { tokens.removeSubrange(limit...) }
    }

    /// The tokens of `text`, without keeping them.
    /// - Throws: as `add`.
    package mutating func encode(
        _ text: UTF8Span, addSpecialTokens: Bool
    ) throws(DocumentError) -> [Int32] {
        let kept = tokens.count
        try add(text, addSpecialTokens: addSpecialTokens)
        defer { tokens.removeSubrange(kept...) }
        return Array(tokens[kept...])
    }

    private mutating func addText(
        _ text: Span<UInt8>, isStart: Bool
    ) throws(DocumentError) {
        let added = tokenizer.addedTokens
        for piece in added.pieces(of: text, by: added.raw) {
            if isFull { return }
            if let token = piece.token {
                tokens.append(token)
                continue
            }
            let part = text.extracting(piece.range)
            // The library looks at where the first character that is left stood in the text.
            let startGoes = try tokenizer.normalizer.dropsStart(of: part)
            let isFirst = isStart && piece.range.lowerBound == 0 && !startGoes
            if let normalized = try tokenizer.normalizer.normalized(
                part, isStart: isStart || piece.range.lowerBound > 0, isStopped: isStopped)
            {
                try addNormalized(normalized.span, isFirst: isFirst)
            } else {
                try addNormalized(part, isFirst: isFirst)
            }
        }
    }

    private mutating func addNormalized(
        _ text: Span<UInt8>, isFirst: Bool
    ) throws(DocumentError) {
        let added = tokenizer.addedTokens
        for piece in added.pieces(of: text, by: added.normalized) {
            if isFull { return }
            if let token = piece.token {
                tokens.append(token)
            } else {
                try cut(
                    text.extracting(piece.range), step: 0,
                    isFirst: isFirst && piece.range.lowerBound == 0)
            }
        }
    }

    /// Cuts `text`, which is not empty, by the pre-tokeniser's steps from `step` on, and encodes
    /// the words that come of it.
    mutating func cut(
        _ text: Span<UInt8>, step: Int, isFirst: Bool
    ) throws(DocumentError) {
        let steps = tokenizer.preTokenizer.steps
        guard step < steps.count else { return try encode(text) }
        switch steps[step] {
        case .words(let scanner):
            let isLast = step + 1 == steps.count
            var start = 0
            while start < text.count, !isFull {
                let end = scanner.end(in: text, from: start)
                let piece = text.extracting(start..<end)
                if isLast {
                    try encode(piece)
                } else {
                    try cut(piece, step: step + 1, isFirst: isFirst && start == 0)
                }
                start = end
            }
        case .digits(let individual):
            try cutDigits(text, individual: individual, step: step, isFirst: isFirst)
        case .split(let split):
            if split.behavior == .isolated {
                try cutIsolated(text, split.pattern, step: step, isFirst: isFirst)
            } else {
                try cut(
                    text, at: split.pieces(of: text, isStopped: isStopped), step: step,
                    isFirst: isFirst)
            }
        case .metaspace(let metaspace):
            let replaced = metaspace.replaceSpaces(in: text, isFirst: isFirst)
            if let split = metaspace.split {
                try cut(
                    replaced.span, at: split.pieces(of: replaced.span), step: step, isFirst: isFirst
                )
            } else {
                try cut(replaced.span, step: step + 1, isFirst: isFirst)
            }
        case .wordRuns:
            try cutWordRuns(text, step: step, isFirst: isFirst)
        case .scripts:
            try cutScripts(text, step: step, isFirst: isFirst)
        case .lengths(let length):
            try cut(text, everyCharacters: length, step: step, isFirst: isFirst)
        case .bytes:
            try cut(ByteAlphabet.spelt(text).span, step: step + 1, isFirst: isFirst)
        case .characterPairs:
            guard case .bytePair(let model) = tokenizer.model else { return try encode(text) }
            try cutBetweenCharacters(text, model)
        case .spaceRuns:
            var start = 0
            while start < text.count, !isFull {
                let end = Self.spaceRunEnd(in: text, from: start)
                try cut(
                    text.extracting(start..<end), step: step + 1, isFirst: isFirst && start == 0)
                start = end
            }
        case .prefixSpace:
            if text[0] == 0x20 {
                try cut(text, step: step + 1, isFirst: isFirst)
            } else {
                var prefixed: [UInt8] = [0x20]
                prefixed.append(text)
                try cut(prefixed.span, step: step + 1, isFirst: isFirst)
            }
        }
    }

    private mutating func cut(
        _ text: Span<UInt8>, at pieces: [Range<Int>], step: Int, isFirst: Bool
    ) throws(DocumentError) {
        for piece in pieces where !isFull {
            try cut(
                text.extracting(piece), step: step + 1, isFirst: isFirst && piece.lowerBound == 0)
        }
    }

    /// `Split` with the behaviour `Isolated`, without a list of all pieces.
    private mutating func cutIsolated(
        _ text: Span<UInt8>, _ pattern: TextPattern, step: Int, isFirst: Bool
    ) throws(DocumentError) {
        var cursor = TextPattern.Cursor(isStopped: isStopped)
        var start = 0
        while !isFull {
            let match = try pattern.next(in: text, after: &cursor) ?? text.count..<text.count
            for piece in [start..<match.lowerBound, match] where !piece.isEmpty {
                try cut(
                    text.extracting(piece), step: step + 1,
                    isFirst: isFirst && piece.lowerBound == 0)
            }
            start = match.upperBound
            if match.lowerBound == text.count { return }
        }
    }

    /// Encodes one word.
    @inline(__always)
    mutating func encode(_ text: Span<UInt8>) throws(DocumentError) {
        if !cache.append(text, to: &tokens) { try encodeNew(text) }
    }

    @inline(never)
    private mutating func encodeNew(_ text: Span<UInt8>) throws(DocumentError) {
        word.removeAll(keepingCapacity: true)
        guard text.count < Int32.max else {
            throw failure("a word of the text has \(text.count) bytes, more than 2^31")
        }
        switch tokenizer.model {
        case .bytePair(let model):
            if let token = model.wholeToken(text) {
                word.append(token)
            } else {
                model.appendInitial(text, to: &word)
                merger.merge(&word, with: model)
            }
        case .unigram(let model):
            guard model.append(text, to: &word, &nodes) else { throw unknown(text, "unk_id") }
        case .wordPiece(let model):
            guard model.append(text, to: &word) else { throw unknown(text, "unk_token") }
        case .wordLevel(let model):
            guard let token = model.token(of: text) else { throw unknown(text, "unk_token") }
            word.append(token)
        }
        tokens += word
        cache.remember(text, word)
    }

    private func failure(_ reason: String) -> DocumentError {
        DocumentError(file: tokenizer.path, position: nil, reason: reason, exitCode: .data)
    }

    private func unknown(_ word: Span<UInt8>, _ key: String) -> DocumentError {
        var start: [UInt8] = []
        start.append(word.extracting(0..<min(word.count, 48)))
        return failure(
            "has no token for \(quoted(String(decoding: start, as: UTF8.self))) and no unknown one "
                + "(model.\(key))")
    }
}
