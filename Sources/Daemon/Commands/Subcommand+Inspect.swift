import Documents
import Pipeline
import Posix

extension Subcommand {
    static let inspect = Subcommand(
        name: "inspect", summary: "tell what a model is and what can be done to it", operand: "DIR",
        details: """
            DIR is a model's directory. Prints its family, sizes and dtypes, its tokenizer, what \
            each layer
            can carry, which patterns it allows, and what pruning it with the defaults takes here.
            """,
        options: [.json]
    ) { arguments, program in
        let node = try Inspection(
            arguments.operand("the model", program),
            Roots(.unrestricted(base: workingDirectory))
        ).node
        if arguments.flags.contains("--json") { return Terminal.show(node) }
        return Terminal.show(InspectionText(node).lines)
    }
}

/// The same for people.
private struct InspectionText {
    let lines: [String]

    init(_ node: Node) {
        func text(_ node: Node?) -> String { escaped(node?.string ?? "", limit: 4096) }
        func number(_ node: Node?) -> String { node?.integer.map { "\($0)" } ?? "?" }
        func bytes(_ node: Node?) -> String { node?.integer.map { size($0) } ?? "?" }
        let files = node["files"]?.integer == 1 ? "one file" : "\(number(node["files"])) files"
        var pairs = [
            ("model", text(node["path"])), ("family", text(node["family"])),
            (
                "size",
                "\(number(node["parameters"])) parameters, \(bytes(node["bytes"])) in \(files)"
            ),
        ]
        for type in node["dtypes"]?.array ?? [] {
            let count = type["tensors"]?.integer == 1 ? "tensor" : "tensors"
            pairs.append(
                (
                    "dtype",
                    "\(text(type["dtype"])): \(number(type["tensors"])) \(count), "
                        + bytes(type["bytes"])
                ))
        }
        for member in node["sizes"]?.members ?? [] {
            let value = member.value.bool.map { $0 ? "yes" : "no" } ?? number(member.value)
            pairs.append((member.key, value))
        }
        let tokenizer = node["tokenizer"]
        pairs.append(
            (
                "tokenizer",
                tokenizer?["vocabulary"]?.integer.map { "\($0) tokens" }
                    ?? text(tokenizer?["error"])
            ))
        for layer in node["layers"]?.array ?? [] {
            let bias =
                layer["has_bias"]?.bool == true ? "has a bias" : "bias \(text(layer["bias"]))"
            pairs.append(
                (
                    "layer",
                    "\(text(layer["name"])): \(number(layer["layers"])) of "
                        + "\(number(layer["rows"])) x \(number(layer["columns"])); \(bias); "
                        + (layer["patterns"]?.array ?? []).map { text($0) }.joined(separator: ", ")
                ))
        }
        for pattern in node["patterns"]?.array ?? [] {
            let isAllowed = pattern["allowed"]?.bool == true
            pairs.append(
                (
                    "pattern",
                    text(pattern["pattern"]) + (isAllowed ? "" : ": no; \(text(pattern["reason"]))")
                ))
        }
        let plan = node["plan"]
        pairs.append(
            (
                "plan",
                plan?["error"].map { text($0) }
                    ?? "\(bytes(plan?["memory_bytes"])) of memory on \(number(plan?["threads"])) "
                    + "threads, \(bytes(plan?["disk_bytes"])) of disk, for calibration with "
                    + "\(number(plan?["samples"])) windows of \(number(plan?["length"])) tokens"
            ))
        for warning in node["warnings"]?.array ?? [] { pairs.append(("warning", text(warning))) }
        let width = pairs.map(\.0.utf8.count).max() ?? 0
        lines = pairs.map { name, value in
            name + String(repeating: " ", count: width - name.utf8.count + 2) + value
        }
    }
}
