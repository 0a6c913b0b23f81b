import Manifests
import Spool
import Testing

@testable import Daemon

/// Whose turn it is, without a process or a file.
@Suite struct JobQueueTests {
    static func limits(
        jobs: Int = 1, threads: Int = 4, memory: Int = 400, perUser: Int? = nil,
        waiting: Int = 100, priority: Int? = nil
    ) -> Configuration.Limits {
        var limits = Configuration().limits
        limits.jobs = jobs
        limits.threads = threads
        limits.memory = memory
        limits.jobsPerUser = perUser
        limits.waitingPerUser = waiting
        limits.priorityMax = priority
        return limits
    }

    /// `a2:5` is the second job of the user `a` with priority 5; they come in this order.
    static func records(_ names: String) -> [JobRecord] {
        names.split(separator: " ").enumerated().map { index, text in
            let parts = text.split(separator: ":")
            let user = UInt32(parts[0].unicodeScalars.first?.value ?? 0)
            var record = JobRecord(
                id: "20250101-000000-00000\(index)", state: .queued, name: String(parts[0]),
                file: "x.yaml", uid: user, submitted: 0)
            record.priority = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
            return record
        }
    }

    /// The order in which all jobs start where each ends before the next one is asked for, or where
    /// none ends.
    static func order(_ queue: JobQueue, endsAtOnce: Bool) -> String {
        var queue = queue
        var (running, taken): ([UInt32: Int], [Share]) = ([:], [])
        var names: [String] = []
        while case .start(let record, let share, _) = queue.next(
            free: taken.reduce(queue.machine) { $0 - $1 }, running: running, { _ in .init() })
        {
            names.append(record.name)
            queue.remove(record)
            queue.noteStart(of: record.uid)
            if endsAtOnce { continue }
            running[record.uid, default: 0] += 1
            taken.append(share)
        }
        return names.joined(separator: " ")
    }

    @Test(arguments: [
        ("one user's in their order", "a1 a2 a3", "a1 a2 a3"),
        ("users take turns", "a1 a2 a3 b1 b2 c1", "a1 b1 c1 a2 b2 a3"),
        ("who came late has the next turn", "a1 a2 a3 a4 b1", "a1 b1 a2 a3 a4"),
        ("priority comes before turns", "a1 b1 a2:1 a3:1", "a2 a3 b1 a1"),
        ("priority comes before age", "a1:-1 a2 a3 a4:5", "a4 a2 a3 a1"),
        ("turns within a priority", "a1:2 a2:2 b1:2 b2 a3", "a1 b1 a2 b2 a3"),
        ("the lowest last", "a1:-1000 b1:1000 c1", "b1 c1 a1"),
    ])
    func order_byPriorityTurnAndAge(_ what: String, _ jobs: String, _ expected: String) {
        var queue = JobQueue(Self.limits())
        queue.add(queued: Self.records(jobs))
        #expect(Self.order(queue, endsAtOnce: true) == expected, "\(what)")
        // The same where they come one by one, in whatever order.
        for seed in 0..<5 as Range<UInt64> {
            var generator = SplitMix(seed)
            var other = JobQueue(Self.limits())
            for record in Self.records(jobs).shuffled(using: &generator) { other.add(record) }
            #expect(Self.order(other, endsAtOnce: true) == expected, "\(what), seed \(seed)")
        }
    }

    @Test(arguments: [
        ("no more at once than may", "a1 a2 a3 a4", Self.limits(jobs: 3), "a1 a2 a3"),
        ("those who have fewest first", "a1 a2 a3 b1", Self.limits(jobs: 3), "a1 b1 a2"),
        (
            "who may run no more keeps nobody else waiting, whatever the priority",
            "a1:9 a2:9 b1:-5 c1:2", Self.limits(jobs: 4, perUser: 1), "a1 c1 b1"
        ),
        ("two for each", "a1 a2 a3 b1 b2 b3", Self.limits(jobs: 8, perUser: 2), "a1 b1 a2 b2"),
        ("nobody runs none", "", Self.limits(), ""),
        (
            "more jobs than threads: each asks for one",
            "a1 a2 a3", Self.limits(jobs: 8, threads: 2), "a1 a2"
        ),
    ])
    func running_isBounded(
        _ what: String, _ jobs: String, _ limits: Configuration.Limits, _ expected: String
    ) {
        var queue = JobQueue(limits)
        queue.add(queued: Self.records(jobs))
        #expect(Self.order(queue, endsAtOnce: false) == expected, "\(what)")
        queue.isDrained = true
        #expect(Self.order(queue, endsAtOnce: false) == "", "\(what), drained")
    }

    /// What a job asks for, what is free, how many run, and what it gets: nil where it waits.
    @Test(
        arguments: [
            (nil, nil, Share(threads: 4, memory: 400), 0, Share(threads: 2, memory: 200)),
            (3, nil, Share(threads: 4, memory: 400), 0, Share(threads: 3, memory: 200)),
            (nil, 300, Share(threads: 2, memory: 300), 1, Share(threads: 2, memory: 300)),
            // Just too little.
            (nil, 301, Share(threads: 2, memory: 300), 1, nil),
            (3, nil, Share(threads: 2, memory: 400), 1, nil),
            // More than there is: alone, and not for ever.
            (99, 4000, Share(threads: 4, memory: 400), 0, Share(threads: 99, memory: 4000)),
            (99, 4000, Share(threads: 4, memory: 400), 1, nil),
            // What runs has more than there is by now.
            (1, 1, Share(threads: -1, memory: 100), 1, nil),
        ] as [(Int?, Int?, Share, Int, Share?)])
    func share_isWhatWasAskedForOrAnEqualPart(
        _ threads: Int?, _ memory: Int?, _ free: Share, _ running: Int, _ expected: Share?
    ) {
        var queue = JobQueue(Self.limits(jobs: 2))
        queue.add(queued: Self.records("a1 b1"))
        let turn = queue.next(free: free, running: running == 0 ? [:] : [7: running]) { _ in
            JobQueue.Demand(threads: threads, memory: memory, time: 60)
        }
        // The second one asks for less, and does not overtake.
        let record = queue.queued[0]
        #expect(turn == expected.map { .start(record, $0, time: 60) })
    }

    @Test func share_isWhatThePlanNeeds() throws {
        var queue = JobQueue(Self.limits(jobs: 4))
        var record = Self.records("a1")[0]
        record.memoryNeeded = 350
        queue.add(record)
        let full = Share(threads: 4, memory: 400)
        let turn = queue.next(free: full, running: [:]) { _ in .init() }
        #expect(turn == .start(record, Share(threads: 1, memory: 350), time: nil))
    }

    @Test func objection_needsNoRoom() {
        var queue = JobQueue(Self.limits(jobs: 2))
        queue.add(queued: Self.records("a1 b1"))
        let none = Share(threads: 0, memory: 0)
        let turn = queue.next(free: none, running: [9: 1]) { _ in .init(objection: "no") }
        #expect(turn == .refuse(queue.queued[0], because: "no"))
    }

    @Test func next_changesNothing() {
        var queue = JobQueue(Self.limits())
        queue.add(queued: Self.records("a1 b1"))
        let first = queue.next(free: queue.machine, running: [:]) { _ in .init() }
        #expect(queue.next(free: queue.machine, running: [:]) { _ in .init() } == first)
    }

    @Test(arguments: JobState.allCases)
    func states_thatWaitAreCounted(_ state: JobState) {
        var queue = JobQueue(Self.limits(waiting: 2))
        var record = Self.records("a1")[0]
        record.state = state
        queue.add(record, due: 5)
        let count = [.queued, .deferred, .held].contains(state) ? 1 : 0
        #expect(queue.waiting(of: record.uid) == count && queue.waiting(of: 1) == 0)
        #expect(queue.room(for: record.uid) == 2 - count)
        #expect(queue.queued.count == (state == .queued ? 1 : 0))
        #expect(queue.due(4.9).isEmpty && queue.due(5) == (state == .deferred ? [record] : []))
        #expect(queue.nextDue == (state == .deferred ? 5 : nil))
        queue.remove(record)
        #expect(queue.waiting(of: record.uid) == 0 && queue.nextDue == nil)
        queue.remove(record)
        #expect(queue.room(for: record.uid) == 2)
    }

    @Test func priority_isBoundedButForRoot() {
        var queue = JobQueue(Self.limits(priority: 5))
        var records = Self.records("a1:6 b1:5 c1:900")
        records[2].uid = 0
        for record in records { queue.add(record) }
        #expect(queue.queued.map(\.name) == ["c1", "a1", "b1"])
        #expect(queue.queued.map(\.priority) == [900, 5, 5])
        // Also of those that wait when the limit changes.
        queue.limits = Self.limits(priority: -3)
        #expect(queue.queued.map(\.priority) == [900, -3, -3])
    }
}

/// A generator of numbers that can be repeated.
private struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
