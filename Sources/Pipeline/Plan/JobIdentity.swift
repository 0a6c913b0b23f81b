import Checkpoint
import Documents
import Manifests
import Posix
import Tensors

/// All that decides which bits a job computes and where it puts them: a snapshot with another
/// identity is not this job's. Of the manifest it is everything but a few keys that are known to
/// decide nothing, so that a key which is new decides until somebody says otherwise.
struct JobIdentity: Sendable {
    let node: Node

    init(_ plan: Plan, version: String) {
        let inputs = plan.model.checkpoint.inputs
        node = .object([
            "program": Node(version), "job": Node(plan.id),
            "manifest": plan.manifest.decisive,
            "precision": Node(plan.precision.rawValue),
            "model": Node(Checksum(of: Self.files(plan)).text),
            "calibration": Self.node(plan.calibration),
            "statistics": plan.known.flatMap { inputs.state(of: $0.path) }.map { Node($0) }
                ?? .null,
            "evaluation": Self.node(plan.evaluation?.windows),
            "questions": plan.evaluation?.questions.map { Node($0.checksum) } ?? .null,
            "outputs": Node(
                plan.outputs.map { Node("\($0.number) \($0.sparsity) \($0.path)") }),
        ])
    }

    /// nil where `node` is none.
    init?(_ node: Node) {
        if node.members == nil { return nil }
        self.node = node
    }

    /// What differs from another job's, in words; nil where nothing does.
    func difference(from other: JobIdentity) -> String? {
        let names = [
            "program": "this version of the program", "job": "this job",
            "precision": "this processor's precision",
            "model": "the model as it is now", "calibration": "this calibration text",
            "statistics": "this file of statistics", "evaluation": "this evaluation text",
            "questions": "these questions", "outputs": "these outputs",
        ]
        guard let key = Self.difference(node, other.node) else { return nil }
        if key == "manifest", let left = node[key], let right = other.node[key],
            let changed = Self.difference(left, right)
        {
            return "the manifest as it is now: \(escaped(changed)) has changed"
        }
        return names[key] ?? escaped(key)
    }

    /// The first key whose values differ.
    private static func difference(_ left: Node, _ right: Node) -> String? {
        let keys = ((left.members ?? []) + (right.members ?? [])).map(\.key)
        // By text: places in files differ.
        return keys.first {
            JSON.encode(left[$0] ?? .null, indent: nil)
                != JSON.encode(right[$0] ?? .null, indent: nil)
        }
    }

    /// Each file of the model's directory that is read or copied, with place, size and times.
    private static func files(_ plan: Plan) -> String {
        let checkpoint = plan.model.checkpoint
        return ([checkpoint.directory] + checkpoint.inputs.states(below: checkpoint.directory))
            .joined(separator: "\n")
    }

    /// By its tokens, so that text, tokenizer and draw are all in it.
    private static func node(_ windows: TokenWindows?) -> Node {
        guard let windows else { return .null }
        var checksum = Checksum()
        checksum.add(windows.tokens.span.bytes)
        return Node("\(windows.count) \(windows.length) \(checksum.text)")
    }
}
