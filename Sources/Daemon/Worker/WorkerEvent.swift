import Documents
import Pipeline
import Posix
import Spool

/// What a worker tells its daemon: one JSON object a line on its standard output.
enum WorkerEvent: Sendable, Hashable {
    /// On another node: which of the job's submissions it is of, and where it runs.
    case started(submission: Int, node: String)
    case progress(Progress)
    /// What it will take, known before anything is computed.
    case planned(Share)
    /// It goes on at a block where an earlier attempt ended.
    case resumed(JobRecord.Place)
    /// What was done before a block is kept for a later attempt.
    case kept(JobRecord.Place)
    /// It was asked to stop, and is busy writing its snapshot.
    case keeping
    /// On another node: a line for the journal, and the most memory that it held, in bytes.
    case message(String)
    case peak(Int)
    /// The paths of the published outputs.
    case done([String])
    /// The job's own error: one line, and what `stadectl prune` would have exited with. `memory`:
    /// it was given too little, and so many bytes would do.
    case failed(reason: String, exitCode: Int32, memory: Int?)
    /// It was asked to stop and left nothing but its snapshot.
    case stopped

    /// nil where `line` is none of these.
    init?(line: [UInt8]) {
        guard let node = try? JSON.parse(line, file: "worker") else { return nil }
        self = .stopped
        guard read(node).isWhole else { return nil }
    }

    /// With the newline.
    var line: [UInt8] { JSON.encode(node, indent: nil) + [UInt8(ascii: "\n")] }
}

extension WorkerEvent: Coded {
    /// The word for it in `event`.
    private enum Kind: String, NodeValue {
        case started, progress, planned, resumed, kept, keeping, message, peak, done, failed
        case stopped
    }

    private var kind: Kind {
        switch self {
        case .started: .started
        case .message: .message
        case .peak: .peak
        case .progress: .progress
        case .planned: .planned
        case .resumed: .resumed
        case .kept: .kept
        case .keeping: .keeping
        case .done: .done
        case .failed: .failed
        case .stopped: .stopped
        }
    }

    mutating func code(_ coder: inout NodeCoder) {
        var kind = kind
        coder.required("event", &kind)
        switch kind {
        case .started:
            var (count, node) = (0, "")
            if case .started(let known, let place) = self { (count, node) = (known, place) }
            coder.required("submission", &count) { $0 > 0 }
            coder.required("node", &node)
            self = .started(submission: count, node: node)
        case .message:
            var text = if case .message(let text) = self { text } else { "" }
            coder.required("text", &text)
            self = .message(text)
        case .peak:
            var bytes = if case .peak(let bytes) = self { bytes } else { 0 }
            coder.required("memory", &bytes) { $0 >= 0 }
            self = .peak(bytes)
        case .progress:
            var progress =
                if case .progress(let progress) = self { progress } else { Progress.blank }
            coder.members(of: &progress)
            self = .progress(progress)
        case .planned:
            var share =
                if case .planned(let share) = self { share } else { Share(threads: 0, memory: 0) }
            coder.required("threads", &share.threads) { $0 > 0 }
            coder.required("memory", &share.memory) { $0 > 0 }
            self = .planned(share)
        case .resumed:
            var place = if case .resumed(let place) = self { place } else { JobRecord.Place.blank }
            coder.members(of: &place)
            self = .resumed(place)
        case .kept:
            var place = if case .kept(let place) = self { place } else { JobRecord.Place.blank }
            coder.members(of: &place)
            self = .kept(place)
        case .done:
            var outputs: [String] = if case .done(let outputs) = self { outputs } else { [] }
            coder.member("outputs", &outputs)
            self = .done(outputs)
        case .failed: codeFailure(&coder)
        case .keeping: self = .keeping
        case .stopped: self = .stopped
        }
    }

    private mutating func codeFailure(_ coder: inout NodeCoder) {
        var (reason, exitCode, memory) = ("", ExitCode.software.rawValue, Int?.none)
        if case .failed(let known, let code, let bytes) = self {
            (reason, exitCode, memory) = (known, code, bytes)
        }
        coder.required("reason", &reason)
        coder.member("exit_code", &exitCode)
        coder.member("memory", &memory)
        self = .failed(reason: reason, exitCode: exitCode, memory: memory)
    }
}
