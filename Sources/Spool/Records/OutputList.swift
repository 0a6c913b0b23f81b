import Documents

/// What a job has left, `result.json`, or is about to leave, `outputs.json`.
struct OutputList<Element: CodedValue>: Coded {
    var outputs: [Element] = []

    /// None where `node` is something else.
    init(_ node: Node) { _ = read(node) }

    init(_ outputs: [Element]) { self.outputs = outputs }

    mutating func code(_ coder: inout NodeCoder) {
        coder.derived("version", 1)
        coder.member("outputs", &outputs)
    }
}
