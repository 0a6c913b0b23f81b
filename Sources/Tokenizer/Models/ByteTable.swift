/// Byte strings and a number for each: a hash table with open addressing over one arena of bytes.
///
/// A dictionary of strings would compare canonically ("é" equals "e" with an accent) and would
/// need a string for every look-up; this one compares bytes and looks up any part of a text in
/// place.
struct ByteTable: Sendable {
    private struct Slot {
        var hash: UInt64 = 0
        var start: UInt32 = 0
        var count: UInt32 = 0
        /// -1: the slot is free.
        var value: Int32 = -1
    }

    private var arena: [UInt8] = []
    private var slots: [Slot]
    private(set) var count = 0

    /// - Parameter capacity: keys that fit before the table grows.
    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        slots = [Slot](repeating: Slot(), count: size)
    }

    /// Bytes that all keys together take.
    var byteCount: Int { arena.count }

    /// The number of `key`; nil where it is not there.
    func value(of key: Span<UInt8>) -> Int32? {
        let hash = Self.hash(key)
        let mask = slots.count - 1
        var index = Int(truncatingIfNeeded: hash) & mask
        while true {
            let slot = slots[index]
            if slot.value < 0 { return nil }
            if slot.hash == hash, matches(slot, key) { return slot.value }
            index = (index + 1) & mask
        }
    }

    func value(of key: String) -> Int32? { value(of: key.utf8Span.span) }

    /// Adds `key`, or gives it another number.
    /// - Parameter value: not negative.
    mutating func set(_ key: Span<UInt8>, to value: Int32) {
        precondition(value >= 0)
        if (count + 1) * 2 > slots.count { grow() }
        let hash = Self.hash(key)
        let mask = slots.count - 1
        var index = Int(truncatingIfNeeded: hash) & mask
        while slots[index].value >= 0 {
            if slots[index].hash == hash, matches(slots[index], key) {
                slots[index].value = value
                return
            }
            index = (index + 1) & mask
        }
        slots[index] = Slot(
            hash: hash, start: UInt32(arena.count), count: UInt32(key.count), value: value)
        key.withUnsafeBufferPointer { arena.append(contentsOf: $0) }
        count += 1
    }

    /// Whether another `bytes` bytes of keys still fit; places in the arena are 32 bits wide.
    func hasRoom(for bytes: Int) -> Bool { arena.count + bytes <= Int(UInt32.max) }

    mutating func removeAll() {
        arena.removeAll(keepingCapacity: true)
        for index in slots.indices { slots[index] = Slot() }
        count = 0
    }

    private mutating func grow() {
        let old = slots
        slots = [Slot](repeating: Slot(), count: old.count * 2)
        let mask = slots.count - 1
        for slot in old where slot.value >= 0 {
            var index = Int(truncatingIfNeeded: slot.hash) & mask
            while slots[index].value >= 0 { index = (index + 1) & mask }
            slots[index] = slot
        }
    }

    private func matches(_ slot: Slot, _ key: Span<UInt8>) -> Bool {
        guard Int(slot.count) == key.count else { return false }
        let start = Int(slot.start)
        for index in key.indices where arena[start + index] != key[index] { return false }
        return true
    }

    /// After wyhash: words of 8 bytes, folded by full products.
    private static func hash(_ key: Span<UInt8>) -> UInt64 {
        let bytes = key.bytes
        let count = bytes.byteCount
        var hash = UInt64(truncatingIfNeeded: count) ^ 0x9E37_79B9_7F4A_7C15
        if count >= 8 {
            var offset = 0
            while offset + 8 < count {
                let word = bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
                hash = fold(hash ^ word, 0xE703_7ED1_A0B4_28DB)
                offset += 8
            }
            let last = bytes.unsafeLoadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
            return fold(hash ^ last, 0x8EBC_6AF0_9C88_C6E3)
        }
        var word: UInt64 = 0
        if count >= 4 {
            let first = bytes.unsafeLoadUnaligned(as: UInt32.self)
            let last = bytes.unsafeLoadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
            word = UInt64(first) << 32 | UInt64(last)
        } else {
            for index in 0..<count { word = word << 8 | UInt64(key[index]) }
        }
        return fold(hash ^ word, 0x8EBC_6AF0_9C88_C6E3)
    }

    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        return product.high ^ product.low
    }
}
