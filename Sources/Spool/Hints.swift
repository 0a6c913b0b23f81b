/// What the watch on the inbox has seen of names since they were last taken: only a reason to wait
/// less. Without a hint a file is taken all the same, later.
package struct Hints: Sendable {
    package enum Kind: Sendable, Hashable {
        /// Renamed into the inbox, whole.
        case moved
        /// Written in place, and closed.
        case closed
    }

    /// A flood of names must not fill the memory; what is beyond just waits longer.
    private static let limit = 100_000
    private var kinds: [[CChar]: Kind] = [:]

    package init() {}

    package subscript(_ name: [CChar]) -> Kind? { kinds[name] }

    package mutating func note(_ name: [CChar], _ kind: Kind) {
        if kinds.count < Self.limit || kinds[name] != nil { kinds[name] = kind }
    }

    mutating func keep(_ names: Set<[CChar]>) { kinds = kinds.filter { names.contains($0.key) } }
}
