import Documents
import Posix

/// The latest answers to requests, oldest first, for those who wait: bounded for each user, so that
/// one who asks often takes away nobody else's.
package struct Answers: Sendable {
    private static let perUser = 64
    /// Those whose latest answer is the oldest are forgotten first.
    private static let users = 16
    /// Whoever asks waits for some seconds.
    private static let age = 600.0
    private static let maximumBytes = 512 << 10

    private var byUser: [UInt32: [Answer]] = [:]
    package private(set) var isChanged = false

    /// - Parameter answers: of an earlier daemon.
    package init(_ answers: [Answer] = []) {
        for answer in answers { add(answer) }
        isChanged = false
    }

    package mutating func add(_ answer: Answer) {
        byUser[answer.uid] = (byUser[answer.uid, default: []] + [answer]).suffix(Self.perUser)
        if byUser.count > Self.users,
            let stalest = byUser.min(by: { Self.latest($0.value) < Self.latest($1.value) })
        {
            byUser[stalest.key] = nil
        }
        isChanged = true
    }

    private static func latest(_ answers: [Answer]) -> Double { answers.last?.time ?? 0 }

    /// What is kept, as the file has it.
    mutating func encoded(_ now: Double) -> [UInt8] {
        isChanged = false
        for (uid, answers) in byUser {
            let kept = answers.filter { now - $0.time < Self.age }
            byUser[uid] = kept.isEmpty ? nil : kept
        }
        while true {
            let bytes = JSON.encode(node, indent: nil)
            guard bytes.count > Self.maximumBytes,
                let most = byUser.max(by: { $0.value.count < $1.value.count })?.key
            else { return bytes }
            byUser[most] = byUser[most].map { Array($0.dropFirst($0.count / 2 + 1)) }
        }
    }
}

extension Answers: Coded {
    /// The oldest first.
    fileprivate var all: [Answer] {
        byUser.values.flatMap { $0 }.sorted { $0.time < $1.time }
    }

    package mutating func code(_ coder: inout NodeCoder) {
        coder.derived("version", 1)
        var answers = all
        coder.member("answers", &answers)
        if coder.isReading { self = Answers(answers) }
    }
}

extension Spool {
    private var answersFile: String { joined(path, Layout.Spool.answers) }

    /// The latest answers, oldest first; none where the file is not there or was damaged.
    package var answers: [Answer] {
        guard let bytes = try? readRegularFile(answersFile, limit: 1 << 20),
            let node = try? JSON.parse(bytes, file: answersFile)
        else { return [] }
        var answers = Answers()
        _ = answers.read(node)
        return answers.all
    }

    /// Those that find no room on the disk are not given: the journal has them.
    package func write(_ answers: inout Answers, at now: Double = Clock.wall()) {
        guard answers.isChanged else { return }
        try? put(answers.encoded(now), answersFile, durable: false)
    }
}
