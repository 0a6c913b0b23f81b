/// The oldest of one user's candidates, so many and no more.
struct CandidateQueue {
    private var byName: [[CChar]: Candidate] = [:]
    /// The oldest first.
    private var order: [Candidate] = []
    /// There were more than found room.
    var hasMore = false

    var count: Int { order.count }

    subscript(_ name: [CChar]) -> Candidate? { byName[name] }

    /// The oldest first.
    var candidates: [[CChar]] { order.map(\.name) }

    /// - Returns: what found no room, the new one itself perhaps.
    mutating func insert(_ candidate: Candidate, limit: Int) -> Candidate? {
        remove(candidate.name)
        if order.count >= limit {
            guard let last = order.last, Candidate.precedes(candidate, last) else {
                hasMore = true
                return candidate
            }
        }
        order.insert(candidate, at: place(candidate))
        byName[candidate.name] = candidate
        guard order.count > limit, let last = order.last else { return nil }
        remove(last.name)
        hasMore = true
        return last
    }

    mutating func remove(_ name: [CChar]) {
        guard let candidate = byName.removeValue(forKey: name) else { return }
        let index = place(candidate)
        if index < order.count, order[index].name == name { order.remove(at: index) }
    }

    /// Changes what does not decide about the order.
    mutating func update(_ name: [CChar], _ change: (inout Candidate) -> Void) {
        guard var candidate = byName[name] else { return }
        change(&candidate)
        byName[name] = candidate
    }

    /// Where it is, or belongs.
    private func place(_ candidate: Candidate) -> Int {
        var (low, high) = (0, order.count)
        while low < high {
            let middle = (low + high) / 2
            if Candidate.precedes(order[middle], candidate) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }
}
