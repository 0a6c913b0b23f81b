import Expressions

/// The classes of Unicode scalars that pre-tokenisers tell apart.
///
/// The tokenizers library takes them from four places, each with a Unicode version of its own:
/// `\p{L}`, `\p{N}` and `\s` in patterns from its Oniguruma 6.9.10 (16.0), `Digits` from Rust's
/// `char::is_numeric` (17.0), `\w` from the regex crate (16.0), punctuation from the crate
/// `unicode_categories` (8.0). But for one letter, versions differ only in what was unassigned
/// before, so the standard library's properties, limited by age, give them exactly.
struct ScalarClasses: Sendable {
    static let letter: UInt16 = 1
    static let number: UInt16 = 2
    static let space: UInt16 = 4
    /// Carriage return and line feed, which are `space` too.
    static let newline: UInt16 = 8
    /// What `Digits` takes for one.
    static let digit: UInt16 = 16
    /// ASCII's, and Unicode 8.0's: what `Punctuation` takes for one.
    static let punctuation: UInt16 = 32
    /// `\w` of the regex crate: UTS #18, annex C.
    static let word: UInt16 = 64
    /// Small letters; capital and titlecase ones; marks, which are no `letter`.
    static let lower: UInt16 = 128
    static let upper: UInt16 = 256
    static let mark: UInt16 = 512

    /// Of the first two planes: 256 KiB, so that only rare ideographs ask the standard library.
    private let table: [UInt16]

    static let shared = ScalarClasses()

    private init() {
        table = (UInt32(0)..<0x20000).map { Self.compute($0) }
    }

    @inline(__always)
    func of(_ scalar: UInt32) -> UInt16 {
        scalar < 0x20000 ? table[Int(scalar)] : Self.compute(scalar)
    }

    private static func compute(_ value: UInt32) -> UInt16 {
        guard let scalar = Unicode.Scalar(value) else { return 0 }
        let category = scalar.categoryInUnicode16
        let isKnown = scalar.isAssigned(in: (16, 0))
        var classes: UInt16 = isKnown && isWord(scalar, category) ? word : 0
        // Two that were punctuation in Unicode 8.0.
        if value == 0x166D || value == 0x111C9 { classes |= punctuation }
        switch category {
        case .uppercaseLetter, .titlecaseLetter:
            if isKnown { classes |= letter | upper }
        case .lowercaseLetter:
            if isKnown { classes |= letter | lower }
        case .modifierLetter, .otherLetter:
            if isKnown { classes |= letter }
        case .nonspacingMark, .spacingMark, .enclosingMark:
            if isKnown { classes |= mark }
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
