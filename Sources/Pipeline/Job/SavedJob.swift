import Documents
import Posix
import Reports

/// What a snapshot says of itself: its `progress.json`, renamed into place when all that it names
/// is on the disk.
struct SavedJob: Sendable {
    /// The hidden states of one set of windows in the snapshot's file of states.
    struct States: Sendable, Hashable {
        /// See `SweepStates.Named`.
        let name: String
        let bytes: Int
        let checksum: String
    }

    private static let version = 6
    static let maximumSize = 256 << 20

    /// What a job must be to go on from here.
    var identity: JobIdentity
    /// Which of the job's attempts wrote it.
    var attempt: String
    /// Of the whole model.
    var blocks: Int
    /// Which of the two files of states belongs to it.
    var slot: Int
    /// In that file one after the other.
    var states: [States]
    var progress: JobProgress
    /// All outputs are complete and have only to be published.
    var isFinished = false

    var node: Node {
        .object([
            "version": Node(Self.version), "attempt": Node(attempt),
            "block": Node(progress.block), "blocks": Node(blocks), "slot": Node(slot),
            "seconds": Node(progress.seconds), "work": Node(progress.work),
            "states": Node(
                states.map {
                    .object([
                        "name": Node($0.name), "bytes": Node($0.bytes),
                        "checksum": Node($0.checksum),
                    ])
                }),
            "choices": Node(progress.choices.map(\.node)),
            "shares": Node(progress.sparsities.map(Self.node)),
            "identity": identity.node, "outputs": Node(progress.outputs.map(\.node)),
            "place": progress.place.identity.node
                .setting("name", to: Node(progress.place.name)),
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
            let job = node["identity"].flatMap({ JobIdentity($0) }),
            let states = node["states"]?.array, let outputs = node["outputs"]?.array,
            !outputs.isEmpty, let sparsities = node["shares"]?.array, let place = node["place"],
            let choices = node["choices"]?.array,
            let name = place["name"]?.string, let identity = FileIdentity(place)
        else { return nil }
        let progress = JobProgress(
            block: block, seconds: seconds, work: work,
            sparsities: sparsities.compactMap(Self.sparsities),
            choices: choices.compactMap { ReportDocument.Choice(coded: $0) },
            outputs: outputs.compactMap { BegunOutput($0) },
            place: JobProgress.Place(name: name, identity: identity))
        self.init(
            identity: job, attempt: attempt, blocks: blocks, slot: slot,
            states: states.compactMap { States($0) }, progress: progress,
            isFinished: node["finished"]?.bool ?? false)
        guard self.states.count == states.count, progress.outputs.count == outputs.count,
            progress.sparsities.count == sparsities.count,
            progress.choices.count == choices.count
        else { return nil }
    }
}

extension SavedJob {
    private static func node(_ sparsities: Survey.Sparsities) -> Node {
        Node(object: sparsities.sorted { $0.key < $1.key }.map { ($0.key, Node($0.value)) })
    }

    private static func sparsities(_ node: Node) -> Survey.Sparsities? {
        guard let members = node.members else { return nil }
        var sparsities: Survey.Sparsities = [:]
        for member in members {
            guard let share = member.value.double, (0..<1).contains(share) else { return nil }
            sparsities[member.key] = share
        }
        return sparsities
    }
}

extension BegunOutput {
    fileprivate var node: Node { progress.node.setting("directory", to: identity.node) }

    fileprivate init?(_ node: Node) {
        guard let progress = OutputProgress(coded: node),
            let identity = node["directory"].flatMap({ FileIdentity($0) })
        else { return nil }
        self.init(progress: progress, identity: identity)
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
        guard let name = node["name"]?.string, let bytes = node["bytes"]?.integer, bytes >= 0,
            let checksum = node["checksum"]?.string
        else { return nil }
        self.init(name: name, bytes: bytes, checksum: checksum)
    }
}
