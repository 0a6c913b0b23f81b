/// Hangul syllables are composed by arithmetic. Source: The Unicode Standard, section 3.12.
enum Hangul {
    static let syllables: Range<UInt32> = 0xAC00..<0xD7A4
    static let leadings: Range<UInt32> = 0x1100..<0x1113
    static let vowels: Range<UInt32> = 0x1161..<0x1176
    static let trailings: Range<UInt32> = 0x11A8..<0x11C3

    /// - Parameter syllable: one of `syllables`.
    static func decomposed(_ syllable: UInt32) -> [UInt32] {
        let index = syllable - syllables.lowerBound
        let trailing = index % 28
        let parts = [leadings.lowerBound + index / 588, vowels.lowerBound + index % 588 / 28]
        return trailing == 0 ? parts : parts + [trailings.lowerBound - 1 + trailing]
    }

    static func composed(_ first: UInt32, _ second: UInt32) -> UInt32? {
        if leadings.contains(first), vowels.contains(second) {
            let index =
                (first - leadings.lowerBound) * 588 + (second - vowels.lowerBound) * 28
            return syllables.lowerBound + index
        }
        if syllables.contains(first), (first - syllables.lowerBound) % 28 == 0,
            trailings.contains(second)
        {
            return first + second - trailings.lowerBound + 1
        }
        return nil
    }
}
