import Checkpoint
import Documents
import Posix
import Tensors

extension Plan {
    /// All that decides which bits the job computes and where it puts them: a checkpoint with
    /// another identity is not this job's. Neither threads nor memory are in it, for no bit depends
    /// on them.
    func identity(version: String) -> Node {
        .object([
            "program": Node(version), "job": Node(job.id),
            "model": Node(Checksum(of: modelFiles).text),
            "settings": Node(Checksum(of: settings).text),
            "layers": Node(Checksum(of: choices).text),
            "calibration": Self.node(calibration),
            "statistics": known.flatMap { model.checkpoint.inputs.state(of: $0.path) }.map {
                Node($0)
            }
                ?? .null,
            "evaluation": Self.node(evaluation?.windows),
            "questions": evaluation?.questions.map { Node($0.checksum) } ?? .null,
            "outputs": Node(outputs.map { Node("\($0.number) \($0.sparsity) \($0.path)") }),
        ])
    }

    /// What differs between two identities, in words; nil where nothing does.
    static func difference(_ left: Node, _ right: Node) -> String? {
        let names = [
            "program": "this version of the program", "job": "this job",
            "model": "the model as it is now", "settings": "the manifest as it is now",
            "layers": "these layers and methods", "calibration": "this calibration text",
            "statistics": "this file of statistics", "evaluation": "this evaluation text",
            "questions": "these questions",
            "outputs": "these outputs",
        ]
        for member in right.members ?? [] {
            let other = left[member.key] ?? .null
            // By text: places in files differ.
            if JSON.encode(other, indent: nil) != JSON.encode(member.value, indent: nil) {
                return names[member.key] ?? member.key
            }
        }
        return nil
    }

    /// Each file of the model's directory that is read or copied, with place, size and times.
    private var modelFiles: String {
        let checkpoint = model.checkpoint
        return ([checkpoint.directory] + checkpoint.inputs.states(below: checkpoint.directory))
            .joined(separator: "\n")
    }

    private var settings: String {
        let prune = manifest.prune
        let methods = prune.methods.map(\.name).joined(separator: " ")
        return "\(methods) \(prune.pattern) \(prune.heads) \(prune.scope) \(prune.sequential) "
            + "\(prune.allocation.rawValue) \(prune.bounds.map { "\($0)" } ?? "auto") "
            + "\(manifest.calibration?.seed ?? 0) \(precision.rawValue) \(manifest.statistics)"
    }

    private var choices: String {
        outputs.flatMap { $0.treatment.layers.joined() }.map { layer in
            let choice = layer.choice.map { "\($0.metric.name) \($0.compensation.rawValue)" }
            return "\(layer.name) \(choice ?? "left") \(layer.policy.rawValue)\n"
        }.joined()
    }

    /// By its tokens, so that text, tokenizer and draw are all in it.
    private static func node(_ windows: TokenWindows?) -> Node {
        guard let windows else { return .null }
        var checksum = Checksum()
        checksum.add(windows.tokens.span.bytes)
        return Node("\(windows.count) \(windows.length) \(checksum.text)")
    }
}
