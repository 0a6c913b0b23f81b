import Posix

/// Where a look through the whole inbox stands.
struct Look {
    /// Seconds between the ends of two looks, at least; and so many times what one costs.
    private static let gap = 1.0
    private static let gapFactor = 4.0
    /// The same for looks that nothing asks for.
    private static let idleGap = 10.0
    private static let unwatchedGap = 2.0
    private static let idleFactor = 50.0

    /// Open while one is under way.
    var stream: DirectoryStream?
    var number = 0
    var isWanted = true
    /// Seconds of work that the present or the last one took.
    var cost = 0.0
    /// When the last one ended.
    var ended = -Double.infinity

    /// Seconds until the next one is due; 0: now.
    ///
    /// - Parameter isWanted: whether there is a reason for one.
    func wait(_ now: Double, isWanted: Bool, isWatched: Bool) -> Double {
        let idle = max(isWatched ? Self.idleGap : Self.unwatchedGap, Self.idleFactor * cost)
        let soon = max(Self.gap, Self.gapFactor * cost)
        return max(0, ended + (isWanted ? min(soon, idle) : idle) - now)
    }
}
