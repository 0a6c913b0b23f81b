/// The classes of Unicode scalars that pre-tokenisers tell apart.
///
/// The tokenizers library takes them from four places, each with a Unicode version of its own:
/// `\p{L}`, `\p{N}` and `\s` in patterns from its Oniguruma 6.9.10 (16.0), `Digits` from Rust's
/// `char::is_numeric` (17.0), `\w` from the regex crate (16.0), punctuation from the crate
/// `unicode_categories` (8.0). Versions differ only in what was
/// unassigned before, so the standard library's properties, limited by age, give them exactly.
struct ScalarClasses: Sendable {
    static let letter: UInt8 = 1
    static let number: UInt8 = 2
    static let space: UInt8 = 4
    /// Carriage return and line feed, which are `space` too.
    static let newline: UInt8 = 8
    /// What `Digits` takes for one.
    static let digit: UInt8 = 16
    /// ASCII's, and Unicode 8.0's: what `Punctuation` takes for one.
    static let punctuation: UInt8 = 32
    /// `\w` of the regex crate: UTS #18, annex C.
    static let word: UInt8 = 64

    /// Of the first two planes: 128 KiB, so that only rare ideographs ask the standard library.
    private let table: [UInt8]

    static let shared = ScalarClasses()

    private init() {
        table = (UInt32(0)..<0x20000).map { Self.compute($0) }
    }

    @inline(__always)
    func of(_ scalar: UInt32) -> UInt8 {
        scalar < 0x20000 ? table[Int(scalar)] : Self.compute(scalar)
    }

    private static func compute(_ value: UInt32) -> UInt8 {
        guard let scalar = Unicode.Scalar(value) else { return 0 }
        let category = scalar.properties.generalCategory
        let isKnown = scalar.isAssigned(in: (16, 0))
        var classes: UInt8 = isKnown && isWord(scalar, category) ? word : 0
        switch category {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
            if isKnown { classes |= letter }
        case .decimalNumber, .letterNumber, .otherNumber:
            if isKnown { classes |= number }
            if scalar.isAssigned(in: (17, 0)) { classes |= digit }
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
            .initialPunctuation, .finalPunctuation, .otherPunctuation:
            if scalar.isAssigned(in: (8, 0)) { classes |= punctuation }
        default:
            if value == 10 || value == 13 { classes |= newline }
            if scalar.properties.isWhitespace { classes |= space }
            if scalar.isASCII, value > 0x20, value != 0x7F { classes |= punctuation }
        }
        return classes
    }

    private static func isWord(_ scalar: Unicode.Scalar, _ category: Unicode.GeneralCategory)
        -> Bool
    {
        if scalar.properties.isAlphabetic || scalar.properties.isJoinControl { return true }
        switch category {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation:
            return true
        default:
            return false
        }
    }
}

extension Unicode.Scalar {
    /// Whether this scalar was assigned in that version of Unicode already.
    func isAssigned(in version: Unicode.Version) -> Bool {
        guard let age = properties.age else { return false }
        return age <= version
    }
}
