import Documents

extension JobRecord {
    /// `state.json`; the same keys in `stadectl show --json`.
    package var node: Node {
        .object([
            "version": 1, "id": Node(id), "name": Node(name), "file": Node(file),
            "state": Node(state.rawValue), "uid": Node(Int(uid)), "submitted": Node(submitted),
            "since": Node(since), "priority": Node(priority), "attempts": Node(attempts),
            "deferrals": Node(deferrals), "retry_after": Node(retryAfter), "reason": Node(reason),
            "exit_code": Node(exitCode.map { Int($0) }),
            "resumed": resumed.map {
                .object(["block": Node($0.block), "blocks": Node($0.blocks)])
            } ?? Node(.null), "peak_memory_bytes": Node(peakMemory),
            "memory_needed_bytes": Node(memoryNeeded), "changes": Node(changes.map(\.node)),
        ])
    }

    /// - Parameters:
    ///   - id: the directory's name.
    ///   - state: the directory's, which is right where the file says otherwise.
    ///   - path: for messages.
    init(_ node: Node, id: String, state: JobState, path: String) throws(DocumentError) {
        guard let name = node["name"]?.string, let file = node["file"]?.string,
            let uid = node["uid"]?.integer.flatMap({ UInt32(exactly: $0) }),
            let submitted = node["submitted"]?.time
        else {
            throw DocumentError(
                file: path, position: nil, reason: "is not a job's state; it was damaged",
                exitCode: .io)
        }
        if let other = node["id"], other.string != id {
            throw DocumentError(
                file: path, position: nil,
                reason: "is the state of another job, \(other.summary); it was damaged",
                exitCode: .io)
        }
        self.init(id: id, state: state, name: name, file: file, uid: uid, submitted: submitted)
        priority = node["priority"]?.integer.map { min(max($0, -1000), 1000) } ?? 0
        attempts = node["attempts"]?.integer.map { min(max($0, 0), 1_000_000) } ?? 0
        deferrals = node["deferrals"]?.integer.map { min(max($0, 0), 1_000_000) } ?? 0
        retryAfter = node["retry_after"]?.time
        reason = node["reason"]?.string
        exitCode = node["exit_code"]?.integer.flatMap { Int32(exactly: $0) }
        peakMemory = node["peak_memory_bytes"]?.integer.flatMap { $0 >= 0 ? $0 : nil }
        memoryNeeded = node["memory_needed_bytes"]?.integer.flatMap { $0 > 0 ? $0 : nil }
        if let block = node["resumed"]?["block"]?.integer,
            let blocks = node["resumed"]?["blocks"]?.integer
        {
            resumed = Place(block: block, blocks: blocks)
        }
        for change in node["changes"]?.array ?? [] {
            if let change = Change(change) { note(change) }
        }
    }
}

extension JobRecord.Change {
    var node: Node {
        .object(["state": Node(state.rawValue), "time": Node(time), "reason": Node(reason)])
    }

    init?(_ node: Node) {
        guard let state = node["state"]?.string.flatMap({ JobState(rawValue: $0) }),
            let time = node["time"]?.time
        else { return nil }
        self.init(state: state, time: time, reason: node["reason"]?.string)
    }
}

extension Node {
    /// A Unix time in seconds, of these centuries; nil for any other number.
    fileprivate var time: Double? { double.flatMap { (0..<1e11).contains($0) ? $0 : nil } }
}
