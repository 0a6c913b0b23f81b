import CUtf8proc
import Expressions

/// Unicode's normalization forms as of Unicode 9.0: the version of the crate
/// `unicode-normalization-alignments`, whose results `NFC`, `NFD`, `NFKC` and `NFKD` of the
/// tokenizers library are. Scalars assigned later are left as they are, as the crate does.
///
/// Decompositions, classes and composition are utf8proc's. What is here is what it does not do: it
/// knows no older version, and sorts marks in quadratic time.
///
/// Source: The Unicode Standard, sections 3.11 and 3.12; UAX #15.
struct NormalForm: Sendable {
    private static let version: Unicode.Version = (9, 0)
    private static let planes: UInt32 = 0x30000
    /// Vowels and final consonants, which may join a syllable.
    private static let joiningJamo: [Range<UInt32>] = [0x1161..<0x1176, 0x11A8..<0x11C3]

    /// What is known of a scalar, in `kinds`: alone it is not in this form; it may become one with
    /// what stands before it, or move before that; Unicode 9.0 did not know it.
    private static let changes: UInt8 = 1
    private static let joins: UInt8 = 2
    private static let isLater: UInt8 = 4

    private let options: utf8proc_option_t
    let isCompatible: Bool
    private let composes: Bool
    /// Of the first three planes.
    private let kinds: [UInt8]

    static let c = NormalForm(composes: true, isCompatible: false)
    static let d = NormalForm(composes: false, isCompatible: false)
    static let kc = NormalForm(composes: true, isCompatible: true)
    static let kd = NormalForm(composes: false, isCompatible: true)

    private init(composes: Bool, isCompatible: Bool) {
        self.composes = composes
        self.isCompatible = isCompatible
        options = utf8proc_option_t(
            UTF8PROC_STABLE.rawValue | UTF8PROC_DECOMPOSE.rawValue
                | (isCompatible ? UTF8PROC_COMPAT.rawValue : 0))
        var kinds = [UInt8](repeating: 0, count: Int(Self.planes))
        for value in Self.joiningJamo.joined() { kinds[Int(value)] |= Self.joins }
        var firsts: [(value: UInt32, first: Int32)] = []
        var parts: [Int32] = []
        for value in UInt32(0x80)..<Self.planes {
            guard let scalar = Unicode.Scalar(value), scalar.isAssigned(in: Self.version) else {
                kinds[Int(value)] |= Self.isLater
                continue
            }
            if Self.combiningClass(Int32(value)) != 0 { kinds[Int(value)] |= Self.joins }
            parts.removeAll(keepingCapacity: true)
            Self.decompose(Int32(value), options, into: &parts)
            if parts == [Int32(value)] { continue }
            firsts.append((value, parts[0]))
            if composes { Self.compose(&parts) }
            if parts != [Int32(value)] { kinds[Int(value)] |= Self.changes }
            // The canonical decomposition tells what composes.
            parts.removeAll(keepingCapacity: true)
            Self.decompose(Int32(value), Self.canonical, into: &parts)
            if parts.count > 1, let last = parts.last { kinds[Int(last)] |= Self.joins }
        }
        for (value, first) in firsts {
            kinds[Int(value)] |= kinds[Int(first)] & Self.joins
        }
        self.kinds = kinds
    }

    private static let canonical = utf8proc_option_t(
        UTF8PROC_STABLE.rawValue | UTF8PROC_DECOMPOSE.rawValue)

    /// `text` in this form; nil where it is in that form already.
    func normalized(_ text: Span<UInt8>) -> [UInt8]? {
        guard let start = firstChange(in: text) else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(text.count + text.count / 8)
        result.append(text.extracting(0..<start))
        /// From a scalar to before the next one that does not join it.
        var segment: [Int32] = []
        var parts: [Int32] = []
        func flush() {
            if segment.count == 1, kind(UInt32(segment[0])) & Self.changes == 0 {
                result.append(scalar: UInt32(segment[0]))
            } else if !segment.isEmpty {
                parts.removeAll(keepingCapacity: true)
                for value in segment { Self.decompose(value, options, into: &parts) }
                Self.reorder(&parts)
                if composes { Self.compose(&parts) }
                for value in parts { result.append(scalar: UInt32(value)) }
            }
            segment.removeAll(keepingCapacity: true)
        }
        var index = start
        while index < text.count {
            if text[index] < 0x80 {
                // ASCII stays as it is, but for the last character, which a mark may follow.
                flush()
                let start = index
                repeat { index += 1 } while index < text.count && text[index] < 0x80
                if index < text.count { index -= 1 }
                result.append(text.extracting(start..<index))
                if index == text.count { break }
            }
            let scalar = text.scalar(at: index)
            index += scalar.length
            let kind = kind(scalar.value)
            if kind & Self.joins == 0 { flush() }
            if kind & Self.isLater == 0 {
                segment.append(Int32(scalar.value))
            } else {
                // Nothing composes with it.
                result.append(scalar: scalar.value)
            }
        }
        flush()
        return result
    }

    private func kind(_ value: UInt32) -> UInt8 {
        value < Self.planes ? kinds[Int(value)] : Self.isLater
    }

    /// Where the first scalar stands that may not stay as it is.
    private func firstChange(in text: Span<UInt8>) -> Int? {
        var index = 0
        var previous = 0
        while index < text.count {
            if text[index] < 0x80 {
                previous = index
                index += 1
                continue
            }
            let scalar = text.scalar(at: index)
            let kind = kind(scalar.value)
            if kind & Self.joins != 0 { return previous }
            if kind & Self.changes != 0 { return index }
            previous = index
            index += scalar.length
        }
        return nil
    }

    private static func combiningClass(_ value: Int32) -> UInt16 {
        UInt16(utf8proc_get_property(value).pointee.combining_class)
    }

    private static func decompose(
        _ value: Int32, _ options: utf8proc_option_t, into parts: inout [Int32]
    ) {
        // The longest decomposition has 18 scalars.
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: 32) { buffer in
            var boundary: CInt = 0
            let count = utf8proc_decompose_char(
                value, buffer.baseAddress, buffer.count, options, &boundary)
            parts.append(contentsOf: buffer[..<max(0, min(count, buffer.count))])
        }
    }

    /// Sorts each run of combining marks by its class, without changing the order within a class.
    private static func reorder(_ scalars: inout [Int32]) {
        guard scalars.count > 1 else { return }
        let classes = scalars.map(combiningClass)
        var start = 0
        while start < scalars.count {
            if classes[start] == 0 {
                start += 1
                continue
            }
            var end = start
            while end < scalars.count, classes[end] != 0 { end += 1 }
            if end - start > 1 {
                let order = (start..<end).sorted { (classes[$0], $0) < (classes[$1], $1) }
                scalars.replaceSubrange(start..<end, with: order.map { scalars[$0] })
            }
            start = end
        }
    }

    /// Joins what composes, of decomposed scalars in their order.
    private static func compose(_ scalars: inout [Int32]) {
        let count = scalars.withUnsafeMutableBufferPointer { buffer in
            utf8proc_normalize_utf32(
                buffer.baseAddress, buffer.count,
                utf8proc_option_t(UTF8PROC_STABLE.rawValue | UTF8PROC_COMPOSE.rawValue))
        }
        scalars.removeSubrange(max(0, min(count, scalars.count))...)
    }
}
