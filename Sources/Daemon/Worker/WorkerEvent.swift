import Documents
import Pipeline
import Posix
import Spool

/// What a worker tells its daemon: one JSON object a line on its standard output.
enum WorkerEvent: Sendable, Hashable {
    case progress(Progress)
    /// The paths of the published outputs.
    case done([String])
    /// The job's own error: one line, and what `stadectl prune` would have exited with.
    case failed(reason: String, exitCode: Int32)
    /// It was asked to stop and left nothing behind.
    case stopped

    /// nil where `line` is none of these.
    init?(line: [UInt8]) {
        guard let node = try? JSON.parse(line, file: "worker") else { return nil }
        switch node["event"]?.string {
        case "progress":
            guard let progress = Progress(node) else { return nil }
            self = .progress(progress)
        case "done":
            self = .done((node["outputs"]?.array ?? []).compactMap(\.string))
        case "failed":
            guard let reason = node["reason"]?.string else { return nil }
            let code = node["exit_code"]?.integer.flatMap { Int32(exactly: $0) }
            self = .failed(reason: reason, exitCode: code ?? ExitCode.software.rawValue)
        case "stopped": self = .stopped
        default: return nil
        }
    }

    /// With the newline.
    var line: [UInt8] {
        let node: Node =
            switch self {
            case .progress(let progress): progress.node.setting("event", to: "progress")
            case .done(let outputs):
                .object(["event": "done", "outputs": Node(outputs.map { Node($0) })])
            case .failed(let reason, let exitCode):
                .object([
                    "event": "failed", "reason": Node(reason), "exit_code": Node(Int(exitCode)),
                ])
            case .stopped: .object(["event": "stopped"])
            }
        return JSON.encode(node, indent: nil) + [UInt8(ascii: "\n")]
    }
}
