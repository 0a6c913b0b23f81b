import COniguruma

/// Unicode's properties as the tokenizers library's Oniguruma 6.9.10 has them: of Unicode 16.0. An
/// older system library does not know what was assigned since, so the properties that patterns of
/// tokenizers use are defined here, and patterns are written to use these.
///
/// The standard library's properties are at least as new. But for one letter, versions differ only
/// in what was unassigned before, so its properties, limited by age, are those of Unicode 16.0.
enum UnicodeProperties {
    /// Oniguruma takes at most 20.
    private enum Property: String, CaseIterable {
        case letter, uppercase, lowercase, titlecase, modifier, other
        case mark, nonspacing, spacing
        case number, decimal, otherNumber
        case punctuation, otherPunctuation
        case symbol, otherSymbol, mathSymbol
        case word
        case han

        /// As patterns have it, for Oniguruma: without spaces, hyphens and underscores, of lower
        /// case.
        var name: String { "stade\(rawValue.lowercased())" }
    }

    /// By the names that Oniguruma takes, written like `Property.name`.
    private static let names: [String: Property] = [
        "l": .letter, "letter": .letter,
        "lu": .uppercase, "uppercaseletter": .uppercase,
        "ll": .lowercase, "lowercaseletter": .lowercase,
        "lt": .titlecase, "titlecaseletter": .titlecase,
        "lm": .modifier, "modifierletter": .modifier,
        "lo": .other, "otherletter": .other,
        "m": .mark, "mark": .mark, "combiningmark": .mark,
        "mn": .nonspacing, "nonspacingmark": .nonspacing,
        "mc": .spacing, "spacingmark": .spacing,
        "n": .number, "number": .number,
        "nd": .decimal, "decimalnumber": .decimal, "digit": .decimal,
        "no": .otherNumber, "othernumber": .otherNumber,
        "p": .punctuation, "punctuation": .punctuation,
        "po": .otherPunctuation, "otherpunctuation": .otherPunctuation,
        "s": .symbol, "symbol": .symbol,
        "so": .otherSymbol, "othersymbol": .otherSymbol,
        "sm": .mathSymbol, "mathsymbol": .mathSymbol,
        "word": .word, "han": .han,
    ]

    /// The pattern with these properties in place of the system library's.
    static func written(_ pattern: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        while index < pattern.count {
            guard pattern[index] == UInt8(ascii: "\\"), index + 1 < pattern.count else {
                result.append(pattern[index])
                index += 1
                continue
            }
            let (text, end) = escape(pattern, index)
            result += text
            index = end
        }
        return result
    }

    /// What stands for the escape at `start`, and where that ends.
    private static func escape(_ pattern: [UInt8], _ start: Int) -> ([UInt8], Int) {
        let end = start + 2
        let unchanged = (Array(pattern[start..<end]), end)
        func named(_ property: Property, isNegated: Bool) -> [UInt8] {
            isDefined
                ? Array("\\\(isNegated ? "P" : "p"){\(property.name)}".utf8) : unchanged.0
        }
        switch pattern[start + 1] {
        case UInt8(ascii: "d"): return (named(.decimal, isNegated: false), end)
        case UInt8(ascii: "D"): return (named(.decimal, isNegated: true), end)
        case UInt8(ascii: "w"): return (named(.word, isNegated: false), end)
        case UInt8(ascii: "W"): return (named(.word, isNegated: true), end)
        case UInt8(ascii: "p"), UInt8(ascii: "P"): break
        default: return unchanged
        }
        guard end < pattern.count, pattern[end] == UInt8(ascii: "{"),
            let close = pattern[end...].firstIndex(of: UInt8(ascii: "}"))
        else { return unchanged }
        var name = pattern[(end + 1)..<close].filter { !" -_".utf8.contains($0) }
        var isNegated = pattern[start + 1] == UInt8(ascii: "P")
        if name.first == UInt8(ascii: "^") {
            name.removeFirst()
            isNegated.toggle()
        }
        guard let property = names[String(decoding: name, as: UTF8.self).lowercased()], isDefined
        else { return (Array(pattern[start...close]), close + 1) }
        return (named(property, isNegated: isNegated), close + 1)
    }

    /// Whether Oniguruma has taken the properties, which it is asked once, when a pattern first
    /// needs them.
    private static let isDefined: Bool = {
        var ranges = [[ClosedRange<UInt32>]](repeating: [], count: Property.allCases.count)
        // Nothing that is asked for here is above.
        for value in [UInt32(0)..<0x3_4000, 0xE_0000..<0xE_0200].joined() {
            guard let scalar = Unicode.Scalar(value), scalar.isAssigned(in: (16, 0)) else {
                continue
            }
            for (index, property) in Property.allCases.enumerated()
            where contains(scalar, property) {
                if let last = ranges[index].last, last.upperBound + 1 == value {
                    ranges[index][ranges[index].count - 1] = last.lowerBound...value
                } else {
                    ranges[index].append(value...value)
                }
            }
        }
        for (index, property) in Property.allCases.enumerated() {
            // Oniguruma keeps the place.
            let places = UnsafeMutablePointer<OnigCodePoint>.allocate(
                capacity: 1 + 2 * ranges[index].count)
            places[0] = OnigCodePoint(ranges[index].count)
            for (number, range) in ranges[index].enumerated() {
                places[1 + 2 * number] = range.lowerBound
                places[2 + 2 * number] = range.upperBound
            }
            if onig_unicode_define_user_property(property.name, places) != ONIG_NORMAL {
                return false
            }
        }
        return true
    }()

    private static func contains(_ scalar: Unicode.Scalar, _ property: Property) -> Bool {
        let category = scalar.categoryInUnicode16
        switch property {
        case .letter: return isLetter(category)
        case .uppercase: return category == .uppercaseLetter
        case .lowercase: return category == .lowercaseLetter
        case .titlecase: return category == .titlecaseLetter
        case .modifier: return category == .modifierLetter
        case .other: return category == .otherLetter
        case .mark: return isMark(category)
        case .nonspacing: return category == .nonspacingMark
        case .spacing: return category == .spacingMark
        case .number:
            return [.decimalNumber, .letterNumber, .otherNumber].contains(category)
        case .decimal: return category == .decimalNumber
        case .otherNumber: return category == .otherNumber
        case .punctuation: return isPunctuation(category)
        case .otherPunctuation: return category == .otherPunctuation
        case .symbol:
            return [.mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol]
                .contains(category)
        case .otherSymbol: return category == .otherSymbol
        case .mathSymbol: return category == .mathSymbol
        case .word:
            return scalar.properties.isAlphabetic || isMark(category)
                || category == .decimalNumber || category == .connectorPunctuation
                // Of Latin-1, Oniguruma takes all numbers.
                || scalar.value < 0x100 && category == .otherNumber
        case .han: return han.contains { $0.contains(scalar.value) }
        }
    }

    private static func isLetter(_ category: Unicode.GeneralCategory) -> Bool {
        switch category {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
            true
        default: false
        }
    }

    private static func isMark(_ category: Unicode.GeneralCategory) -> Bool {
        switch category {
        case .nonspacingMark, .spacingMark, .enclosingMark: true
        default: false
        }
    }

    private static func isPunctuation(_ category: Unicode.GeneralCategory) -> Bool {
        switch category {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
            .initialPunctuation, .finalPunctuation, .otherPunctuation:
            true
        default: false
        }
    }

    /// The script Han. Source: `Scripts.txt` of Unicode 16.0.
    private static let han: [ClosedRange<UInt32>] = [
        0x2E80...0x2E99, 0x2E9B...0x2EF3, 0x2F00...0x2FD5, 0x3005...0x3005, 0x3007...0x3007,
        0x3021...0x3029, 0x3038...0x303B, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFA6D,
        0xFA70...0xFAD9, 0x1_6FE2...0x1_6FE3, 0x1_6FF0...0x1_6FF1, 0x2_0000...0x2_A6DF,
        0x2_A700...0x2_B739, 0x2_B740...0x2_B81D, 0x2_B820...0x2_CEA1, 0x2_CEB0...0x2_EBE0,
        0x2_EBF0...0x2_EE5D, 0x2_F800...0x2_FA1D, 0x3_0000...0x3_134A, 0x3_1350...0x3_23AF,
    ]
}
