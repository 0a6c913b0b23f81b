/// Finds which tokens a text begins with: a double array, after Aoe, "An efficient digital search
/// algorithm by using a double-array structure" (1989).
struct PieceTrie: Sendable {
    private struct Unit: Sendable {
        /// A child is at this place plus its byte.
        var base: Int32 = 0
        /// The place of the parent; -1: free.
        var parent: Int32 = -1
        /// What the bytes up to here are; -1: nothing.
        var value: Int32 = -1
    }

    private var units: [Unit]

    /// Places that a node with several children is tried at before it gets new ones, so that no
    /// vocabulary makes building slow.
    private static let attempts = 64
    /// No unit stands before this place, so that no base is negative.
    private static let first = 256

    /// A walk from the root.
    struct Walk {
        fileprivate var place = 0
    }

    /// - Parameter pieces: not empty each; of equal ones the last counts.
    init(_ pieces: [(bytes: [UInt8], value: Int32)]) {
        units = [Unit](repeating: Unit(), count: Self.first)
        units[0].parent = 0
        let order = pieces.indices.sorted { left, right in
            let (a, b) = (pieces[left].bytes, pieces[right].bytes)
            return a == b ? left < right : a.lexicographicallyPrecedes(b)
        }
        var free = FreePlaces(first: Self.first)
        var work: [(place: Int, range: Range<Int>, depth: Int)] = [(0, order.indices, 0)]
        var children: [(byte: UInt8, range: Range<Int>)] = []
        while let (place, range, depth) = work.popLast() {
            children.removeAll(keepingCapacity: true)
            for index in range {
                let piece = pieces[order[index]]
                if piece.bytes.count == depth {
                    units[place].value = piece.value
                } else if children.last?.byte == piece.bytes[depth] {
                    let start = children[children.count - 1].range.lowerBound
                    children[children.count - 1].range = start..<(index + 1)
                } else {
                    children.append((piece.bytes[depth], index..<(index + 1)))
                }
            }
            if children.isEmpty { continue }
            let base = free.base(for: children.map(\.byte), attempts: Self.attempts)
            units[place].base = Int32(base)
            for child in children {
                let childPlace = base + Int(child.byte)
                free.take(childPlace)
                while units.count <= childPlace { units.append(Unit()) }
                units[childPlace].parent = Int32(place)
                work.append((childPlace, child.range, depth + 1))
            }
        }
        // Every step stays inside, whatever the byte.
        units += [Unit](repeating: Unit(), count: 256)
    }

    /// Goes on by one byte.
    /// - Returns: false where no token goes on so.
    @inline(__always)
    func step(_ walk: inout Walk, _ byte: UInt8) -> Bool {
        let next = Int(units[walk.place].base) + Int(byte)
        guard units[next].parent == Int32(truncatingIfNeeded: walk.place), next != 0 else {
            return false
        }
        walk.place = next
        return true
    }

    /// The token that ends here; -1: none.
    @inline(__always)
    func value(_ walk: Walk) -> Int32 { units[walk.place].value }

    /// The longest token that `text` has at `start`.
    func longest(in text: Span<UInt8>, from start: Int) -> (end: Int, value: Int32)? {
        var walk = Walk()
        var found: (end: Int, value: Int32)?
        var index = start
        while index < text.count, step(&walk, text[index]) {
            index += 1
            let value = value(walk)
            if value >= 0 { found = (index, value) }
        }
        return found
    }
}

/// Places of a double array that are free, in a list.
private struct FreePlaces {
    /// The free place after each free place; those from `next.count` on are all free.
    private var next: [Int32]
    private var previous: [Int32]
    private var isTaken: [Bool]
    /// The first and the last of the list.
    private var head: Int
    private var last: Int
    private let first: Int

    init(first: Int) {
        self.first = first
        next = (0..<first).map { Int32($0) }
        previous = next
        isTaken = [Bool](repeating: true, count: first)
        head = first
        last = first
    }

    private mutating func grow(to count: Int) {
        while isTaken.count <= count {
            let place = isTaken.count
            next.append(Int32(place + 1))
            previous.append(Int32(last))
            isTaken.append(false)
            last = place
        }
    }

    /// Where children with these bytes, in their order, all fit.
    mutating func base(for bytes: [UInt8], attempts: Int) -> Int {
        let lowest = Int(bytes[0])
        var place = head
        for _ in 0..<attempts {
            grow(to: place + 256)
            let base = place - lowest
            if bytes.allSatisfy({ !isTaken[base + Int($0)] }) { return base }
            place = Int(next[place])
        }
        // Behind everything that is taken.
        var end = isTaken.count
        while end > first, !isTaken[end - 1] { end -= 1 }
        grow(to: end + 256)
        return end - lowest
    }

    mutating func take(_ place: Int) {
        grow(to: place)
        let (before, after) = (Int(previous[place]), Int(next[place]))
        // So that this place is not the last one.
        grow(to: after)
        isTaken[place] = true
        if place == head { head = after } else { next[before] = Int32(after) }
        previous[after] = Int32(before)
    }
}
