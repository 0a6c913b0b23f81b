/// The merges of a byte-pair encoding: for two neighbouring tokens the rank of their merge, lower
/// first, and the token that they become. A hash table with open addressing.
struct MergeTable: Sendable {
    struct Merge {
        /// `UInt32.max`: these two never merge.
        var rank: UInt32 = .max
        var token: Int32 = -1
    }

    private struct Slot {
        var pair: UInt64 = 0
        var merge = Merge()
    }

    private var slots: [Slot]

    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        slots = [Slot](repeating: Slot(), count: size)
    }

    subscript(left: Int32, right: Int32) -> Merge {
        let pair = Self.pair(left, right)
        var index = place(of: pair)
        while slots[index].merge.rank != .max, slots[index].pair != pair {
            index = (index + 1) & (slots.count - 1)
        }
        return slots[index].merge
    }

    /// Adds a merge, or replaces that of the same pair. No more than `capacity` fit.
    mutating func set(_ left: Int32, _ right: Int32, to merge: Merge) {
        let pair = Self.pair(left, right)
        var index = place(of: pair)
        while slots[index].merge.rank != .max, slots[index].pair != pair {
            index = (index + 1) & (slots.count - 1)
        }
        slots[index] = Slot(pair: pair, merge: merge)
    }

    private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    private func place(of pair: UInt64) -> Int {
        let product = pair.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return Int(truncatingIfNeeded: product.high ^ product.low) & (slots.count - 1)
    }
}
