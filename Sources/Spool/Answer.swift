import Documents
import Glibc
import Posix

/// What came of a request: for whoever asked and waits.
package struct Answer: Sendable, Hashable {
    /// The request's file name.
    package let request: String
    package let uid: UInt32
    /// Unix time in seconds.
    package let time: Double
    /// Why it was refused; nil where it was granted.
    package let refusal: String?

    package init(request: Request, time: Double, refusal: String?) {
        self.request = Request.fileName(request.verb, request.id)
        uid = request.uid
        self.time = time
        self.refusal = refusal
    }

    fileprivate var node: Node {
        .object([
            "request": Node(request), "uid": Node(Int(uid)), "time": Node(time),
            "refusal": Node(refusal),
        ])
    }

    fileprivate init?(_ node: Node) {
        guard let request = node["request"]?.string, let time = node["time"]?.double,
            let uid = node["uid"]?.integer.flatMap({ UInt32(exactly: $0) })
        else { return nil }
        self.request = request
        self.uid = uid
        self.time = time
        refusal = node["refusal"]?.string
    }
}

extension Spool {
    /// The latest answers that are kept.
    private static let maximumAnswers = 64

    private var answersFile: String { joined(path, "answers.json") }

    /// The latest answers, oldest first; none where the file is not there or was damaged.
    package var answers: [Answer] {
        guard let bytes = try? readRegularFile(answersFile, limit: 1 << 20),
            let node = try? JSON.parse(bytes, file: answersFile)
        else { return [] }
        return (node["answers"]?.array ?? []).compactMap { Answer($0) }
    }

    /// Adds an answer. One that finds no room on the disk is not given: the journal has it.
    package func add(_ answer: Answer) {
        let kept = (answers + [answer]).suffix(Self.maximumAnswers)
        let node = Node.object(["version": 1, "answers": Node(kept.map(\.node))])
        try? put(JSON.encode(node, indent: nil), answersFile, durable: false)
    }

    /// Its presence keeps jobs from being started, over restarts too.
    private var drainFile: String { joined(path, "drained") }

    package var isDrained: Bool {
        var status = stat()
        return lstat(drainFile, &status) == 0
    }

    package func setDrained(_ isDrained: Bool) throws(SystemError) {
        if isDrained { try put([], drainFile) } else { try removeTree(drainFile) }
        try syncDirectory(path)
    }
}
