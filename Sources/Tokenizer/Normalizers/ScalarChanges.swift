import Expressions

/// Normalizers that look at one scalar after the other: each becomes nothing, itself or others.
///
/// The tokenizers library takes classes from the crate `unicode_categories` (Unicode 8.0), marks
/// from `unicode-normalization-alignments` (9.0), small letters and white space from Rust. Classes
/// of the standard library, limited by age, are the same.
enum ScalarChanges: Sendable, Hashable {
    case lowercase
    /// `StripAccents`: drops combining marks, and decomposes nothing.
    case marks
    /// Of `BertNormalizer`, one after the other.
    case cleaning
    case ideographs
    case accents
    case nmt

    func apply(to text: Span<UInt8>) -> [UInt8]? {
        switch self {
        case .lowercase: Self.mapped(text, SmallLetters.append)
        case .marks:
            Self.mapped(text) { value, result in
                if !Self.isMark(value) { result.append(scalar: value) }
            }
        case .accents:
            Self.mapped(text) { value, result in
                if !Self.isAccent(value) { result.append(scalar: value) }
            }
        case .cleaning: Self.mapped(text, Self.clean)
        case .ideographs:
            Self.mapped(text) { value, result in
                let isIdeograph = Self.ideographBlocks.contains { $0.contains(value) }
                if isIdeograph { result.append(0x20) }
                result.append(scalar: value)
                if isIdeograph { result.append(0x20) }
            }
        case .nmt: Self.mapped(text, Self.nmt)
        }
    }

    private static func mapped(
        _ text: Span<UInt8>, _ body: (UInt32, inout [UInt8]) -> Void
    ) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count + text.count / 8)
        var index = 0
        while index < text.count {
            let scalar = text.scalar(at: index)
            index += scalar.length
            body(scalar.value, &result)
        }
        return result
    }

    private static func category(
        _ value: UInt32, in version: Unicode.Version
    ) -> Unicode.GeneralCategory {
        guard let scalar = Unicode.Scalar(value), scalar.isAssigned(in: version) else {
            return .unassigned
        }
        return scalar.properties.generalCategory
    }

    /// A mark in Unicode 9.0. Three characters have changed since.
    private static func isMark(_ value: UInt32) -> Bool {
        switch value {
        case ..<0x300, 0x111C9: return false
        case 0x1CF2, 0x1CF3: return true
        default: break
        }
        switch category(value, in: (9, 0)) {
        case .nonspacingMark, .spacingMark, .enclosingMark: return true
        default: return false
        }
    }

    /// A nonspacing mark in Unicode 8.0. Six characters have changed since.
    private static func isAccent(_ value: UInt32) -> Bool {
        switch value {
        case ..<0x300, 0x1885, 0x1886, 0xA9BD, 0x111C9: false
        case 0x1734, 0x1171E: true
        default: category(value, in: (8, 0)) == .nonspacingMark
        }
    }

    private static func clean(_ value: UInt32, _ result: inout [UInt8]) {
        if value > 0x20, value < 0x7F {
            result.append(UInt8(value))
            return
        }
        if value == 9 || value == 10 || value == 13 {
            result.append(0x20)
            return
        }
        switch category(value, in: (8, 0)) {
        case .control, .format, .privateUse, .surrogate: return
        default: break
        }
        if value == 0 || value == 0xFFFD { return }
        if Unicode.Scalar(value)?.properties.isWhitespace == true {
            result.append(0x20)
        } else {
            result.append(scalar: value)
        }
    }

    private static let ideographBlocks: [ClosedRange<UInt32>] = [
        0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
        0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F,
    ]

    /// `do_nmt` of `normalizers/unicode.rs`.
    private static func nmt(_ value: UInt32, _ result: inout [UInt8]) {
        switch value {
        case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: break
        case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF,
            0xFFFD:
            result.append(0x20)
        default: result.append(scalar: value)
        }
    }
}

/// Small letters as Rust's `char::to_lowercase` has them: a scalar by itself, whatever is beside
/// it.
private enum SmallLetters {
    /// Of the first two planes; 0: several scalars.
    private static let table: [UInt32] = (UInt32(0)..<0x20000).map { value in
        let scalars = mapping(value)
        return scalars.count == 1 ? scalars[0] : 0
    }

    static func append(_ value: UInt32, _ result: inout [UInt8]) {
        if value >= 0x20000 {
            result.append(scalar: value)
        } else if table[Int(value)] != 0 || value == 0 {
            result.append(scalar: table[Int(value)])
        } else {
            for part in mapping(value) { result.append(scalar: part) }
        }
    }

    private static func mapping(_ value: UInt32) -> [UInt32] {
        guard let scalar = Unicode.Scalar(value) else { return [value] }
        return scalar.properties.lowercaseMapping.unicodeScalars.map(\.value)
    }
}
