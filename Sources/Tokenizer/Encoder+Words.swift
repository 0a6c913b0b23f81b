import Documents

/// How single steps of a pre-tokeniser cut text.
extension Encoder {
    mutating func cutDigits(
        _ text: Span<UInt8>, individual: Bool, step: Int, isFirst: Bool
    ) throws(DocumentError) {
        let classes = ScalarClasses.shared
        var start = 0
        var index = 0
        var wasDigit = false
        while index < text.count, !isFull {
            let scalar = text.scalar(at: index)
            let isDigit = classes.of(scalar.value) & ScalarClasses.digit != 0
            if index > start, isDigit != wasDigit || (isDigit && individual) {
                try cut(
                    text.extracting(start..<index), step: step + 1, isFirst: isFirst && start == 0)
                start = index
            }
            wasDigit = isDigit
            index += scalar.length
        }
        if !isFull {
            try cut(
                text.extracting(start..<text.count), step: step + 1, isFirst: isFirst && start == 0)
        }
    }

    /// `\w+|[^\w\s]+`, without what is between.
    mutating func cutWordRuns(
        _ text: Span<UInt8>, step: Int, isFirst: Bool
    ) throws(DocumentError) {
        let classes = ScalarClasses.shared
        let kinds = ScalarClasses.word | ScalarClasses.space
        var start = 0
        while start < text.count, !isFull {
            let first = text.scalar(at: start)
            let kind = classes.of(first.value) & kinds
            var end = start + first.length
            while end < text.count, case let next = text.scalar(at: end),
                classes.of(next.value) & kinds == kind
            {
                end += next.length
            }
            if kind & ScalarClasses.space == 0 {
                try cut(
                    text.extracting(start..<end), step: step + 1, isFirst: isFirst && start == 0)
            }
            start = end
        }
    }

    /// Cuts where a script begins. What is of none belongs to what is before it, and at the start
    /// of a text to nothing: the library leaves it out.
    ///
    /// Source: `pre_tokenizers/unicode_scripts/pre_tokenizer.rs` of the tokenizers library.
    mutating func cutScripts(
        _ text: Span<UInt8>, step: Int, isFirst: Bool
    ) throws(DocumentError) {
        var start: Int?
        var last = ScriptTable.any
        var index = 0
        while index < text.count, !isFull {
            let scalar = text.scalar(at: index)
            let script = ScriptTable.of(scalar.value)
            if script != ScriptTable.any, script != last {
                if let start {
                    try cut(
                        text.extracting(start..<index), step: step + 1,
                        isFirst: isFirst && start == 0)
                }
                (start, last) = (index, script)
            }
            index += scalar.length
        }
        guard let start, !isFull else { return }
        try cut(
            text.extracting(start..<text.count), step: step + 1, isFirst: isFirst && start == 0)
    }

    mutating func cut(
        _ text: Span<UInt8>, everyCharacters length: Int, step: Int, isFirst: Bool
    ) throws(DocumentError) {
        var start = 0
        while start < text.count, !isFull {
            var (end, left) = (start, length)
            while left > 0, end < text.count {
                end += text.scalar(at: end).length
                left -= 1
            }
            try cut(text.extracting(start..<end), step: step + 1, isFirst: isFirst && start == 0)
            start = end
        }
    }

    /// The last step.
    mutating func cutBetweenCharacters(
        _ text: Span<UInt8>, _ model: BytePairModel
    ) throws(DocumentError) {
        var start = 0
        var last = 0..<text.scalar(at: 0).length
        while last.upperBound < text.count, !isFull {
            let next = last.upperBound..<(last.upperBound + text.scalar(at: last.upperBound).length)
            if model.separates(text, last, next) {
                try encode(text.extracting(start..<next.lowerBound))
                start = next.lowerBound
            }
            last = next
        }
        if !isFull { try encode(text.extracting(start..<text.count)) }
    }

    /// Where `▁*[^▁]*` ends.
    static func spaceRunEnd(in text: Span<UInt8>, from start: Int) -> Int {
        let space = BytePairModel.space
        var index = start
        while text.starts(with: space, at: index) { index += space.count }
        return text.firstIndex(of: space, from: index) ?? text.count
    }
}
