/// The families whose letters include marks.
extension WordScanner {
    func markedEnd(in text: Span<UInt8>, from start: Int) -> Int {
        if text[start] == UInt8(ascii: "'"),
            let end = Self.contractionEnd(in: text, from: start, foldsCase: true)
        {
            return end
        }
        let letters = ScalarClasses.letter | ScalarClasses.mark
        let first = text.scalar(at: start)
        let firstClass = classes.of(first.value)
        let index = start + first.length
        if firstClass & letters != 0 { return runEnd(in: text, from: index, ofAny: letters) }
        if firstClass & ScalarClasses.number != 0 { return index }
        let next = index < text.count ? text.scalar(at: index) : (value: 0, length: 0)
        let nextClass = index < text.count ? classes.of(next.value) : ScalarClasses.space
        if nextClass & letters != 0, firstClass & ScalarClasses.newline == 0 {
            return runEnd(in: text, from: index + next.length, ofAny: letters)
        }
        let others = letters | ScalarClasses.number | ScalarClasses.space
        if firstClass & ScalarClasses.space == 0 || first.value == 0x20 && nextClass & others == 0 {
            var end = runEnd(in: text, from: index, ofNone: others)
            while end < text.count, text[end] == 10 || text[end] == 13 { end += 1 }
            return end
        }
        let space = whiteSpaceEnd(in: text, from: start)
        return space.newlineEnd ?? space.end
    }

    func casedEnd(
        in text: Span<UInt8>, from start: Int, digits: Int, contractions: Bool
    ) -> Int {
        let first = text.scalar(at: start)
        let firstClass = classes.of(first.value)
        let index = start + first.length
        // [^\r\n\p{L}\p{N}]?
        let mayPrecede =
            firstClass & (ScalarClasses.letter | ScalarClasses.number | ScalarClasses.newline) == 0
        let word =
            (mayPrecede ? endingSmall(in: text, from: index) : nil)
            ?? endingSmall(in: text, from: start)
            ?? (mayPrecede ? capitals(in: text, from: index) : nil)
            ?? capitals(in: text, from: start)
        if let word {
            guard contractions, word < text.count, text[word] == UInt8(ascii: "'") else {
                return word
            }
            return Self.contractionEnd(in: text, from: word, foldsCase: true) ?? word
        }
        if firstClass & ScalarClasses.number != 0 {
            var (end, left) = (index, digits - 1)
            while left > 0, end < text.count, case let next = text.scalar(at: end),
                classes.of(next.value) & ScalarClasses.number != 0
            {
                end += next.length
                left -= 1
            }
            return end
        }
        let others = ScalarClasses.letter | ScalarClasses.number | ScalarClasses.space
        let isSymbol = firstClass & ScalarClasses.space == 0
        let precedesSymbol =
            first.value == 0x20 && index < text.count
            && classes.of(text.scalar(at: index).value) & others == 0
        if isSymbol || precedesSymbol {
            var end = runEnd(in: text, from: index, ofNone: others)
            while end < text.count,
                text[end] == 10 || text[end] == 13 || text[end] == UInt8(ascii: "/")
            {
                end += 1
            }
            return end
        }
        let space = whiteSpaceEnd(in: text, from: start)
        return space.newlineEnd ?? space.end
    }

    /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`: what is neither small nor
    /// capital belongs to both, so that the first part may have to give the last of it back.
    private func endingSmall(in text: Span<UInt8>, from start: Int) -> Int? {
        var index = start
        var lastOfBoth: Int?
        while index < text.count {
            let next = text.scalar(at: index)
            let nextClass = classes.of(next.value)
            if nextClass & (ScalarClasses.letter | ScalarClasses.mark) == 0 { break }
            if nextClass & ScalarClasses.lower != 0 {
                index += next.length
                while index < text.count, case let next = text.scalar(at: index),
                    case let nextClass = classes.of(next.value),
                    nextClass & (ScalarClasses.letter | ScalarClasses.mark) != 0,
                    nextClass & ScalarClasses.upper == 0
                {
                    index += next.length
                }
                return index
            }
            index += next.length
            if nextClass & ScalarClasses.upper == 0 { lastOfBoth = index }
        }
        return lastOfBoth
    }

    /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+`, where no small letter follows.
    private func capitals(in text: Span<UInt8>, from start: Int) -> Int? {
        let end = runEnd(in: text, from: start, ofAny: ScalarClasses.upper)
        return end > start ? end : nil
    }

    @inline(__always)
    private func runEnd(in text: Span<UInt8>, from start: Int, ofAny wanted: UInt16) -> Int {
        var index = start
        while index < text.count, case let next = text.scalar(at: index),
            classes.of(next.value) & wanted != 0
        {
            index += next.length
        }
        return index
    }

    @inline(__always)
    private func runEnd(in text: Span<UInt8>, from start: Int, ofNone others: UInt16) -> Int {
        var index = start
        while index < text.count, case let next = text.scalar(at: index),
            classes.of(next.value) & others == 0
        {
            index += next.length
        }
        return index
    }
}
