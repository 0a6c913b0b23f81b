import Documents

/// What a checkpoint says of itself: its `progress.json`, renamed into place when all that it names is
/// on the disk.
struct SavedJob: Sendable {
    /// The hidden states of one set of windows in the checkpoint's file of states.
    struct States: Sendable, Hashable {
        let bytes: Int
        let checksum: String
    }

    static let fileName = "progress.json"
    static let maximumSize = 256 << 20

    /// What a job must be to go on from here: see `Plan.identity`.
    var identity: Node
    /// Which of the job's attempts wrote it.
    var attempt: String
    /// Everything before this block is done, in the sweep of the last of `outputs` (of all where they
    /// share one).
    var block: Int
    /// Of the whole model.
    var blocks: Int
    /// Which of the two files of states belongs to it.
    var slot: Int
    /// In that file one after the other.
    var states: [States]
    /// Seconds that the job ran until then, in all attempts.
    var seconds: Double
    /// In tokens through a block: see `ProgressMeter`.
    var work: Int
    /// What a survey has found, for each of the job's outputs; empty where there was none to be made.
    var shares: [Survey.Shares]
    /// The outputs that were begun, in the job's order.
    var outputs: [OutputBuild.State]
    /// The inode of each output's directory, where all are complete and have only to be published.
    var finished: [Int]?

    var node: Node {
        .object([
            "version": 2, "attempt": Node(attempt), "block": Node(block), "blocks": Node(blocks),
            "slot": Node(slot), "seconds": Node(seconds), "work": Node(work),
            "states": Node(
                states.map {
                    .object(["bytes": Node($0.bytes), "checksum": Node($0.checksum)])
                }),
            "shares": Node(shares.map(Self.node)),
            "identity": identity, "outputs": Node(outputs.map(\.node)),
            "finished": finished.map { Node($0.map { Node($0) }) } ?? .null,
        ])
    }
}

extension SavedJob {
    /// nil where `node` is something else.
    init?(_ node: Node) {
        guard node["version"]?.integer == 2, let attempt = node["attempt"]?.string,
            let block = node["block"]?.integer, let blocks = node["blocks"]?.integer,
            (0...max(0, blocks)).contains(block),
            let slot = node["slot"]?.integer, (0...1).contains(slot),
            let seconds = node["seconds"]?.double, seconds >= 0,
            let work = node["work"]?.integer, (0...(.max / 2)).contains(work),
            let identity = node["identity"], let states = node["states"]?.array,
            let outputs = node["outputs"]?.array, !outputs.isEmpty,
            let shares = node["shares"]?.array
        else { return nil }
        self.init(
            identity: identity, attempt: attempt, block: block, blocks: blocks, slot: slot,
            states: states.compactMap { States($0) }, seconds: seconds, work: work,
            shares: shares.compactMap(Self.shares),
            outputs: outputs.compactMap { OutputBuild.State($0) })
        guard self.states.count == states.count, self.outputs.count == outputs.count,
            self.shares.count == shares.count
        else { return nil }
        if let finished = node["finished"]?.array {
            self.finished = finished.compactMap(\.integer)
            guard self.finished?.count == outputs.count else { return nil }
        }
    }
}

extension SavedJob {
    private static func node(_ shares: Survey.Shares) -> Node {
        Node(object: shares.sorted { $0.key < $1.key }.map { ($0.key, Node($0.value)) })
    }

    private static func shares(_ node: Node) -> Survey.Shares? {
        guard let members = node.members else { return nil }
        var shares: Survey.Shares = [:]
        for member in members {
            guard let share = member.value.double, (0..<1).contains(share) else { return nil }
            shares[member.key] = share
        }
        return shares
    }
}

extension SavedJob.States {
    fileprivate init?(_ node: Node) {
        guard let bytes = node["bytes"]?.integer, bytes >= 0,
            let checksum = node["checksum"]?.string
        else { return nil }
        self.init(bytes: bytes, checksum: checksum)
    }
}
