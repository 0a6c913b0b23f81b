/// Unicode's normalization forms C and D, as of Unicode 9.0: the version of the crate
/// `unicode-normalization-alignments`, whose results the tokenizers library's `NFC` and `NFD` are.
/// Scalars assigned later are left as they are, as the crate does.
///
/// Source: The Unicode Standard, sections 3.11 and 3.12; UAX #15.
struct CanonicalForm: Sendable {
    private static let version: Unicode.Version = (9, 0)

    /// A scalar's canonical decomposition, in full.
    private let decompositions: [UInt32: [UInt32]]
    /// Primary composites by their two parts, the first in the upper half.
    private let compositions: [UInt64: UInt32]
    /// Whether text with a scalar may differ from its form C: one that decomposes, has a combining
    /// class or joins what stands before it. For the first three planes.
    private let attention: [Bool]

    static let shared = CanonicalForm()

    private init() {
        var primary: [UInt32: [UInt32]] = [:]
        var compositions: [UInt64: UInt32] = [:]
        var attention = [Bool](repeating: false, count: 0x30000)
        for entry in canonicalDecompositions() {
            primary[entry.scalar] = entry.parts
            attention[Int(entry.scalar)] = true
            if entry.composes {
                compositions[Self.pair(entry.parts[0], entry.parts[1])] = entry.scalar
                attention[Int(entry.parts[1])] = true
            }
        }
        for value in UInt32(0x300)..<0x20000 where Self.combiningClass(value) != 0 {
            attention[Int(value)] = true
        }
        for value in Hangul.vowels { attention[Int(value)] = true }
        for value in Hangul.trailings { attention[Int(value)] = true }
        func full(_ value: UInt32) -> [UInt32] {
            primary[value].map { $0.flatMap(full) } ?? [value]
        }
        decompositions = Dictionary(uniqueKeysWithValues: primary.keys.map { ($0, full($0)) })
        self.compositions = compositions
        self.attention = attention
    }

    /// `text` in form C; nil where it is in that form already.
    func composed(_ text: Span<UInt8>) -> [UInt8]? {
        mayChange(text) ? normalized(text, composes: true) : nil
    }

    /// `text` in form D.
    func decomposed(_ text: Span<UInt8>) -> [UInt8] { normalized(text, composes: false) }

    private func mayChange(_ text: Span<UInt8>) -> Bool {
        var index = 0
        while index < text.count {
            // Below U+0300, which is 0xCC 0x80, form C changes nothing.
            if text[index] < 0xCC {
                index += 1
                continue
            }
            let scalar = text.scalar(at: index)
            if scalar.value < 0x30000, attention[Int(scalar.value)] { return true }
            if Hangul.syllables.contains(scalar.value), index + scalar.length < text.count,
                Hangul.trailings.contains(text.scalar(at: index + scalar.length).value)
            {
                return true
            }
            index += scalar.length
        }
        return false
    }

    private func normalized(_ text: Span<UInt8>, composes: Bool) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count + text.count / 8)
        /// From a starter to before the next one that nothing joins.
        var segment: [UInt32] = []
        func flush() {
            reorder(&segment)
            if composes { compose(&segment) }
            for value in segment { result.append(scalar: value) }
            segment.removeAll(keepingCapacity: true)
        }
        var index = 0
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
            let isPlain = scalar.value < 0x300 || !joinsPrevious(scalar.value)
            if isPlain { flush() }
            if let parts = decompositions[scalar.value] {
                segment += parts
            } else if Hangul.syllables.contains(scalar.value) {
                segment += Hangul.decomposed(scalar.value)
            } else {
                segment.append(scalar.value)
            }
        }
        flush()
        return result
    }

    /// Whether a scalar belongs to the segment before it: its decomposition begins with a combining
    /// mark, or it may become one with the scalar before it.
    private func joinsPrevious(_ value: UInt32) -> Bool {
        guard value < 0x30000 else { return false }
        return attention[Int(value)]
    }

    /// Sorts each run of combining marks by its class, without changing the order within a class.
    private func reorder(_ scalars: inout [UInt32]) {
        guard scalars.count > 1 else { return }
        let classes = scalars.map { $0 < 0x300 ? 0 : Self.combiningClass($0) }
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

    private func compose(_ scalars: inout [UInt32]) {
        guard scalars.count > 1 else { return }
        var kept: [UInt32] = []
        /// The last starter in `kept`, and the class of what follows it; -1: nothing does.
        var starter: Int?
        var lastClass = -1
        for value in scalars {
            let valueClass = value < 0x300 ? 0 : Int(Self.combiningClass(value))
            // Blocked by a starter in between, or by a mark of the same or a higher class.
            if let starter, lastClass < valueClass,
                let composite = composite(kept[starter], value)
            {
                kept[starter] = composite
                continue
            }
            if valueClass == 0 {
                starter = kept.count
                lastClass = -1
            } else {
                lastClass = valueClass
            }
            kept.append(value)
        }
        scalars = kept
    }

    private func composite(_ first: UInt32, _ second: UInt32) -> UInt32? {
        Hangul.composed(first, second) ?? compositions[Self.pair(first, second)]
    }

    private static func pair(_ first: UInt32, _ second: UInt32) -> UInt64 {
        UInt64(first) << 32 | UInt64(second)
    }

    private static func combiningClass(_ value: UInt32) -> UInt8 {
        guard let scalar = Unicode.Scalar(value), scalar.isAssigned(in: version) else { return 0 }
        return scalar.properties.canonicalCombiningClass.rawValue
    }
}
