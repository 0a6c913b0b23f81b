import Documents
import Pipeline
import Posix
import Spool

/// What a worker tells its daemon: one JSON object a line on its standard output.
enum WorkerEvent: Sendable, Hashable {
    case progress(Progress)
    /// What it will take, known before anything is computed.
    case planned(Share)
    /// It goes on at a block, from 0, where an earlier attempt ended.
    case resumed(block: Int, blocks: Int)
    /// What was done before a block is kept for a later attempt.
    case kept(block: Int, blocks: Int)
    /// It was asked to stop, and is busy writing its checkpoint.
    case keeping
    /// The paths of the published outputs.
    case done([String])
    /// The job's own error: one line, and what `stadectl prune` would have exited with. `memory`:
    /// it was given too little, and so many bytes would do.
    case failed(reason: String, exitCode: Int32, memory: Int?)
    /// It was asked to stop and left nothing but its checkpoint.
    case stopped

    /// nil where `line` is none of these.
    init?(line: [UInt8]) {
        guard let node = try? JSON.parse(line, file: "worker") else { return nil }
        switch node["event"]?.string {
        case "progress":
            guard let progress = Progress(node) else { return nil }
            self = .progress(progress)
        case "planned":
            guard let threads = node["threads"]?.integer, threads > 0,
                let memory = node["memory"]?.integer, memory > 0
            else { return nil }
            self = .planned(Share(threads: threads, memory: memory))
        case "resumed", "kept":
            guard let block = node["block"]?.integer, let blocks = node["blocks"]?.integer,
                block >= 0, blocks >= block
            else { return nil }
            self =
                node["event"]?.string == "kept"
                ? .kept(block: block, blocks: blocks) : .resumed(block: block, blocks: blocks)
        case "keeping": self = .keeping
        case "done":
            self = .done((node["outputs"]?.array ?? []).compactMap(\.string))
        case "failed":
            guard let reason = node["reason"]?.string else { return nil }
            let code = node["exit_code"]?.integer.flatMap { Int32(exactly: $0) }
            self = .failed(
                reason: reason, exitCode: code ?? ExitCode.software.rawValue,
                memory: node["memory"]?.integer)
        case "stopped": self = .stopped
        default: return nil
        }
    }

    /// With the newline.
    var line: [UInt8] {
        let node: Node =
            switch self {
            case .progress(let progress): progress.node.setting("event", to: "progress")
            case .planned(let share):
                .object([
                    "event": "planned", "threads": Node(share.threads),
                    "memory": Node(share.memory),
                ])
            case .resumed(let block, let blocks):
                .object(["event": "resumed", "block": Node(block), "blocks": Node(blocks)])
            case .kept(let block, let blocks):
                .object(["event": "kept", "block": Node(block), "blocks": Node(blocks)])
            case .keeping: .object(["event": "keeping"])
            case .done(let outputs):
                .object(["event": "done", "outputs": Node(outputs.map { Node($0) })])
            case .failed(let reason, let exitCode, let memory):
                .object([
                    "event": "failed", "reason": Node(reason), "exit_code": Node(Int(exitCode)),
                    "memory": Node(memory),
                ])
            case .stopped: .object(["event": "stopped"])
            }
        return JSON.encode(node, indent: nil) + [UInt8(ascii: "\n")]
    }
}
