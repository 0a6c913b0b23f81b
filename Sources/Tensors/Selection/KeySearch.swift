/// Looks for the key of a given rank by counts of keys below guesses: from where it is expected
/// with growing steps, then by interpolation, and by halving where that is slow.
struct KeySearch {
    private let rank: Int
    /// The key is in `low..<high`; `below` keys are less than `low`, `through` less than `high`.
    private(set) var low = Self.least
    private(set) var high = Self.beyond
    private(set) var below = 0
    private var through: Int
    private var first: Int
    private var step: Int
    private var interpolates = true

    /// So few that looking at each is quicker than another count.
    private static let few = 16

    private static let least = Int(Int16.min)
    private static let beyond = Int(Int16.max) + 1

    /// - Parameter step: how far from `expected` it is looked for first.
    init(rank: Int, count: Int, expected: Int, step: Int) {
        self.rank = rank
        through = count
        first = expected
        self.step = step
    }

    /// Whether it is neither the least key nor the largest, which stand for all beyond them.
    var isInside: Bool { low > Self.least && high < Self.beyond }

    /// What to count below of next; nil when nothing is left to find out.
    var guess: Int16? {
        if high - low <= 1 || through - below <= Self.few { return nil }
        let guess: Int
        if high == Self.beyond {
            guess = max(low, first) + step
        } else if low == Self.least {
            guess = min(high, first) - step
        } else if interpolates {
            let share = Double(2 * (rank - below) + 1) / Double(2 * (through - below))
            guess = low + Int((Double(high - low) * share).rounded())
        } else {
            guess = low + (high - low) / 2
        }
        return Int16(min(max(guess, low + 1), high - 1))
    }

    mutating func narrow(_ key: Int16, below count: Int) {
        let width = high - low
        if low == 0 || high == Self.beyond { step *= 4 }
        if count <= rank {
            low = Int(key)
            below = count
        } else {
            high = Int(key)
            through = count
        }
        interpolates = high - low <= width / 2
    }
}
