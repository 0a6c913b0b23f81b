/// Some rows of one sequence, which are computed together.
package struct Tile: Sendable, Hashable {
    package let sequence: Int
    /// Positions in the sequence.
    package let rows: Range<Int>
    /// Its place among all tiles of a pass, from 0.
    package let index: Int

    /// Rows of a tile: large enough for fast products, small enough that what happens between them
    /// finds its data in the second-level cache. A constant, for sums over tiles must not depend on
    /// the number of threads.
    package static let size = 256

    /// How many tiles a sequence has.
    package static func count(length: Int) -> Int { (length + size - 1) / size }
}
