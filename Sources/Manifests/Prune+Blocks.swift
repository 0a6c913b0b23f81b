import Documents
import Pruning

extension Manifest.Prune {
    /// As many as known models have, and more.
    private static let maximumBlocks = 10_000

    /// `blocks`, and what has no meaning where whole blocks go.
    mutating func readBlocks(_ fields: Fields) throws(DocumentError) {
        let node = fields.value("blocks")
        guard pattern == .blocks else {
            if let node {
                throw fields.mismatch(
                    "blocks", node, expected: "nothing, or pattern blocks, which alone takes them")
            }
            return
        }
        if let method = methods.first(where: { !$0.removesBlocks }) {
            let names = Method.all.filter(\.removesBlocks).map(\.name)
            let expected =
                "a method that can choose whole blocks, which \(method.name) cannot: "
                + names.joined(separator: ", ")
            throw fields.value("method").map {
                fields.mismatch("method", $0, expected: expected)
            } ?? fields.error(expected)
        }
        for key in ["targets", "ignore", "scope", "sequential", "target"] {
            if let node = fields.value(key) {
                throw fields.mismatch(
                    key, node, expected: "nothing with pattern blocks, which takes whole blocks")
            }
        }
        if let node = fields.value("compensation"),
            !["auto", Compensation.none.rawValue].contains(node.string ?? "")
        {
            throw fields.mismatch(
                "compensation", node,
                expected: "auto or none with pattern blocks: a map in their place, or nothing")
        }
        if let method = methods.first(where: { !$0.mapsBlocks(compensation: compensation) }),
            let node = fields.value("tune"), node.bool != false
        {
            throw fields.mismatch(
                "tune", node,
                expected: "false, or nothing, for method \(method.name) puts no map in the "
                    + "place of blocks, which would be tuned")
        }
        guard let node else {
            if let node = fields.value("sparsity") {
                if sparsity.contains(0) {
                    throw fields.mismatch(
                        "sparsity", node, expected: "more than 0 with pattern blocks")
                }
                return
            }
            throw fields.error(
                "found neither \(fields.name("sparsity")) nor \(fields.name("blocks")); "
                    + "expected one with pattern blocks")
        }
        if let sparsity = fields.value("sparsity") {
            throw fields.mismatch(
                "sparsity", sparsity, expected: "nothing beside \(fields.name("blocks"))")
        }
        let numbers = (node.array ?? []).compactMap(\.integer)
        guard let list = node.array, !list.isEmpty, numbers.count == list.count,
            numbers.allSatisfy((0..<Self.maximumBlocks).contains),
            Set(numbers).count == numbers.count
        else {
            throw fields.mismatch(
                "blocks", node, expected: "numbers of blocks from 0 on, each once, as in [12, 13]")
        }
        blocks = numbers.sorted()
        // Whoever knows the model says what share that is.
        sparsity = [0]
    }

    /// Whether a method cannot do without inputs, or what is known of them.
    func needsCalibration(_ method: Method) -> Bool {
        if pattern == .blocks {
            return blocks.isEmpty || method.mapsBlocks(compensation: compensation)
        }
        return method.needsStatistics(compensation: compensation)
    }
}

extension Manifest {
    /// What has no meaning elsewhere in the manifest where whole blocks go.
    func checkBlocks(_ fields: Fields) throws(DocumentError) {
        guard prune.pattern == .blocks else { return }
        if knownStatistics != nil, let calibration = try fields.section("calibration"),
            let node = calibration.value("statistics")
        {
            throw calibration.mismatch(
                "statistics", node,
                expected: "nothing with pattern blocks, which needs a text or tokens")
        }
        if statistics, let node = fields.value("statistics") {
            throw fields.mismatch(
                "statistics", node, expected: "false, or nothing, with pattern blocks")
        }
    }
}
