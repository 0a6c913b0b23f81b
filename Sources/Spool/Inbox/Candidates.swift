/// What is known of the inbox: for each user the oldest names that may be taken. Bounded, whatever
/// lies in the inbox, and so that one user's names displace nobody else's.
struct Candidates {
    /// For each user, where there are few of them.
    let perUser: Int
    /// Of all users, about.
    private static let total = 16384
    private static let maximumUsers = 1024

    private(set) var queues: [UInt32: CandidateQueue] = [:]
    /// Whose turn it was last.
    private var lastServed: UInt32 = 0

    init(perUser: Int) { self.perUser = perUser }

    private var limit: Int { max(16, min(perUser, Self.total / max(1, queues.count))) }

    /// - Returns: what found no room.
    mutating func insert(_ candidate: Candidate) -> Candidate? {
        guard queues[candidate.uid] != nil || queues.count < Self.maximumUsers else {
            return candidate
        }
        return queues[candidate.uid, default: CandidateQueue()].insert(candidate, limit: limit)
    }

    mutating func remove(_ name: [CChar], of uid: UInt32) {
        queues[uid]?.remove(name)
        if let queue = queues[uid], queue.count == 0, !queue.hasMore { queues[uid] = nil }
    }

    mutating func update(_ name: [CChar], of uid: UInt32, _ change: (inout Candidate) -> Void) {
        queues[uid]?.update(name, change)
    }

    mutating func unblock() {
        for (uid, queue) in queues {
            for name in queue.candidates { queues[uid]?.update(name) { $0.isBlocked = false } }
        }
    }

    /// Forgets that there was more, for a look through the inbox that is to find out.
    mutating func expectAll() {
        for uid in queues.keys { queues[uid]?.hasMore = false }
    }

    /// Those that a look through the inbox has not seen.
    func unseen(in look: Int) -> [Candidate] {
        queues.values.flatMap { queue in
            queue.candidates.compactMap { queue[$0] }.filter { $0.look != look }
        }
    }

    /// The users in turn, from the one behind whoever was served last.
    var users: [UInt32] {
        let all = queues.keys.sorted()
        let split = all.firstIndex { $0 > lastServed } ?? all.endIndex
        return Array(all[split...] + all[..<split])
    }

    mutating func noteTurn(of uid: UInt32) { lastServed = uid }

    /// Of each user in turn one, the oldest first, until `body` says that it is enough.
    ///
    /// - Parameters:
    ///   - lanes: each user's names.
    ///   - body: takes one. What it returns decides how to go on.
    /// - Returns: whether it was stopped with names left.
    static func inTurns<Failure: Error>(
        _ lanes: [(uid: UInt32, names: [[CChar]])],
        _ body: (UInt32, [CChar]) throws(Failure) -> Step
    ) throws(Failure) -> Bool {
        var lanes = lanes.map { (uid: $0.uid, rest: $0.names[...]) }
        while !lanes.isEmpty {
            for index in lanes.indices {
                guard let name = lanes[index].rest.popFirst() else { continue }
                switch try body(lanes[index].uid, name) {
                case .next: break
                case .skipUser: lanes[index].rest = []
                case .stop: return true
                }
            }
            lanes.removeAll { $0.rest.isEmpty }
        }
        return false
    }

    enum Step {
        case next
        /// No more of this user's for now.
        case skipUser
        /// No more of anybody's; the name was not taken.
        case stop
    }
}
