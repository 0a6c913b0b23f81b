import Documents
import Posix

/// What a checkpoint says of itself: its `progress.json`, renamed into place when all that it names
/// is on the disk.
struct SavedJob: Sendable {
    /// The hidden states of one set of windows in the checkpoint's file of states.
    struct States: Sendable, Hashable {
        let bytes: Int
        let checksum: String
    }

    /// An output that was begun.
    struct Output: Sendable {
        let state: OutputBuild.State
        /// Of the directory in which it is built.
        let identity: FileIdentity
    }

    /// The private directory in which outputs are built.
    struct Place: Sendable, Hashable {
        let name: String
        let identity: FileIdentity
    }

    private static let version = 4
    static let maximumSize = 256 << 20

    /// What a job must be to go on from here: see `Plan.identity`.
    var identity: Node
    /// Which of the job's attempts wrote it.
    var attempt: String
    /// Everything before this block is done, in the sweep of the last of `outputs` (of all where
    /// they share one).
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
    /// What a survey has found, for each of the job's outputs; empty where there was none to be
    /// made.
    var shares: [Survey.Shares]
    /// The outputs that were begun, in the job's order.
    var outputs: [Output]
    /// Where they are.
    var place: Place
    /// All are complete and have only to be published.
    var isFinished = false

    var node: Node {
        .object([
            "version": Node(Self.version), "attempt": Node(attempt), "block": Node(block),
            "blocks": Node(blocks),
            "slot": Node(slot), "seconds": Node(seconds), "work": Node(work),
            "states": Node(
                states.map {
                    .object(["bytes": Node($0.bytes), "checksum": Node($0.checksum)])
                }),
            "shares": Node(shares.map(Self.node)),
            "identity": identity, "outputs": Node(outputs.map(\.node)),
            "place": place.identity.node.setting("name", to: Node(place.name)),
            "finished": Node(isFinished),
        ])
    }
}

extension SavedJob {
    /// Whether it was written by a program before this version, which goes on from none of them.
    static func isOlder(_ node: Node) -> Bool {
        (1..<version).contains(node["version"]?.integer ?? 0)
    }

    /// nil where `node` is something else.
    init?(_ node: Node) {
        guard node["version"]?.integer == Self.version, let attempt = node["attempt"]?.string,
            let block = node["block"]?.integer, let blocks = node["blocks"]?.integer,
            (0...max(0, blocks)).contains(block),
            let slot = node["slot"]?.integer, (0...1).contains(slot),
            let seconds = node["seconds"]?.double, seconds >= 0,
            let work = node["work"]?.integer, (0...(.max / 2)).contains(work),
            let job = node["identity"], let states = node["states"]?.array,
            let outputs = node["outputs"]?.array, !outputs.isEmpty,
            let shares = node["shares"]?.array, let place = node["place"],
            let name = place["name"]?.string, let identity = FileIdentity(place)
        else { return nil }
        self.init(
            identity: job, attempt: attempt, block: block, blocks: blocks, slot: slot,
            states: states.compactMap { States($0) }, seconds: seconds, work: work,
            shares: shares.compactMap(Self.shares),
            outputs: outputs.compactMap { Output($0) },
            place: Place(name: name, identity: identity),
            isFinished: node["finished"]?.bool ?? false)
        guard self.states.count == states.count, self.outputs.count == outputs.count,
            self.shares.count == shares.count
        else { return nil }
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

extension SavedJob.Output {
    fileprivate var node: Node { state.node.setting("directory", to: identity.node) }

    fileprivate init?(_ node: Node) {
        guard let state = OutputBuild.State(coded: node),
            let identity = node["directory"].flatMap({ FileIdentity($0) })
        else { return nil }
        self.init(state: state, identity: identity)
    }
}

extension FileIdentity {
    fileprivate var node: Node { .object(["device": Node(device), "inode": Node(inode)]) }

    fileprivate init?(_ node: Node) {
        guard let device = node["device"]?.integer, let inode = node["inode"]?.integer else {
            return nil
        }
        self.init(device: device, inode: inode)
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
