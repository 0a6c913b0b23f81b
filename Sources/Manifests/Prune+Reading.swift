import Documents
import Expressions
import Pruning

extension Manifest.Prune {
    /// One output is written for each method and sparsity, so lists have a length to be survived.
    private static let maximumOutputs = 100
    /// Expressions are compiled to check them, at some milliseconds for a thousand bytes.
    private static let maximumExpressionBytes = 1000
    private static let maximumExpressionsBytes = 1 << 16
    private static let maximumExpressions = 100

    init(_ fields: Fields) throws(DocumentError) {
        self.init()
        methods = try Self.methods(fields) ?? methods
        pattern = try Self.pattern(fields) ?? pattern
        sparsity = try Self.sparsity(fields, pattern) ?? sparsity
        if outputs > Self.maximumOutputs, let node = fields.value("sparsity") {
            throw fields.mismatch(
                "sparsity", node,
                expected: "at most \(Self.maximumOutputs) outputs, one for each of the "
                    + "\(methods.count) methods with each sparsity")
        }
        try readAllocation(fields)
        if let word = try fields.choice(
            "compensation", ["auto"] + Compensation.allCases.map(\.rawValue))
        {
            compensation = Compensation(rawValue: word)
        }
        scope = try fields.choice("scope", Scope.self) ?? scope
        if scope != .row, let method = methods.first(where: \.isSolved),
            let node = fields.value("scope")
        {
            throw fields.mismatch(
                "scope", node, expected: "row, the only one that method \(method.name) has")
        }
        heads = try fields.bool("heads") ?? heads
        try readBlocks(fields)
        try checkChannels(fields)
        targets = try Self.expressions("targets", fields) ?? targets
        if targets.isEmpty, let node = fields.value("targets") {
            throw fields.mismatch("targets", node, expected: "at least one regular expression")
        }
        ignore = try Self.expressions("ignore", fields) ?? ignore
        order = try Self.order(fields) ?? order
        try readTarget(fields)
        try readTuning(fields)
        bias = try fields.choice("bias", Manifest.Bias.self) ?? bias
        try readExperts(fields)
    }

    private mutating func readAllocation(_ fields: Fields) throws(DocumentError) {
        allocation = try fields.choice("allocation", Allocation.self) ?? allocation
        if allocation != .uniform, pattern != .unstructured, let node = fields.value("allocation") {
            throw fields.mismatch(
                "allocation", node,
                expected: "uniform, for pattern \(pattern) fixes the sparsity of every layer")
        }
        guard let node = fields.value("bounds") else { return }
        guard allocation != .uniform else {
            throw fields.mismatch(
                "bounds", node, expected: "nothing where prune.allocation is uniform")
        }
        // NaN is in no range.
        let ends = node.array?.compactMap(\.double).filter((0..<1).contains) ?? []
        guard ends.count == 2, node.array?.count == 2, ends[0] < ends[1] else {
            throw fields.mismatch(
                "bounds", node,
                expected:
                    "two numbers, the least and the most sparsity of a layer, as in [0.3, 0.7]"
            )
        }
        let range = ends[0]...ends[1]
        if let share = sparsity.first(where: { !range.contains($0) }) {
            throw fields.mismatch("bounds", node, expected: "bounds around the sparsity \(share)")
        }
        bounds = range
    }

    private mutating func readTarget(_ fields: Fields) throws(DocumentError) {
        target = try fields.choice("target", Target.self) ?? target
        guard target == .dense, let node = fields.value("target") else { return }
        if order != .stages {
            throw fields.mismatch(
                "target", node, expected: "own or auto, or prune.sequential: stages beside it")
        }
        if let method = methods.first(where: { !$0.solvesWeights(pattern) }) {
            throw fields.mismatch(
                "target", node,
                expected: "own or auto, for method \(method.name) does not solve for weights")
        }
    }

    private mutating func readTuning(_ fields: Fields) throws(DocumentError) {
        guard let node = fields.value("tune") else { return }
        if node.bool == false { return }
        guard node.bool ?? (node.members != nil) else {
            throw fields.mismatch(
                "tune", node, expected: "true, false, or what to tune with, as in {passes: 10}")
        }
        if order == .dense {
            throw fields.mismatch(
                "tune", node,
                expected: "false, or nothing, for prune.sequential is false: tuning needs a stream "
                    + "behind the pruned blocks")
        }
        tuning = Manifest.Tuning()
        if node.bool == nil, let settings = try fields.section("tune") {
            tuning = try Manifest.Tuning(settings)
        }
    }

    private static func order(_ fields: Fields) throws(DocumentError) -> Manifest.Order? {
        guard let node = fields.value("sequential") else { return nil }
        if node.string == "stages" { return .stages }
        guard let isSequential = node.bool else {
            throw fields.mismatch("sequential", node, expected: "true, false or stages")
        }
        return isSequential ? .blocks : .dense
    }

    private static func methods(_ fields: Fields) throws(DocumentError) -> [Method]? {
        guard let value = fields.value("method") else { return nil }
        guard let elements = value.array else {
            return try fields.choice("method", Method.all.map(\.name)).flatMap { Method.named($0) }
                .map { [$0] }
        }
        if elements.isEmpty {
            throw fields.mismatch(
                "method", value, expected: "a method, or a list of at least one")
        }
        var methods: [Method] = []
        for element in elements {
            let name = try fields.choice("method", Method.all.map(\.name), element)
            guard let method = Method.named(name) else { continue }
            if methods.contains(where: { $0.name == name }) {
                throw fields.mismatch("method", element, expected: "each method once")
            }
            methods.append(method)
        }
        return methods
    }

    /// What has no meaning where whole channels go, and what has none elsewhere.
    private func checkChannels(_ fields: Fields) throws(DocumentError) {
        guard pattern == .channels else {
            if let method = methods.first(where: { !$0.removesWeights }), pattern != .blocks,
                let node = fields.value("method")
            {
                throw fields.mismatch(
                    "method", node,
                    expected: "another method, for \(method.name) judges whole blocks alone, "
                        + "which go with pattern blocks")
            }
            if heads, let node = fields.value("heads") {
                throw fields.mismatch(
                    "heads", node, expected: "false, or pattern channels, which alone takes heads")
            }
            return
        }
        if let method = methods.first(where: { !$0.removesChannels }),
            let node = fields.value("method")
        {
            let names = Method.all.filter(\.removesChannels).map(\.name)
            throw fields.mismatch(
                "method", node,
                expected: "a method that can judge whole channels, which \(method.name) cannot: "
                    + names.joined(separator: ", "))
        }
        if scope != .row, let node = fields.value("scope") {
            throw fields.mismatch(
                "scope", node,
                expected: "no scope with pattern channels, whose channels compete "
                    + "within each block")
        }
    }

    private static func pattern(_ fields: Fields) throws(DocumentError) -> Pattern? {
        guard let value = fields.value("pattern") else { return nil }
        guard let pattern = value.string.flatMap({ Pattern($0) }) else {
            throw fields.mismatch(
                "pattern", value,
                expected:
                    "unstructured, channels, blocks, experts, or N:M (keep N of every M) "
                    + "with 0 < N < M, as in 2:4")
        }
        return pattern
    }

    /// The shares of zeros; for `N:M` the one share that the pattern has.
    private static func sparsity(
        _ fields: Fields, _ pattern: Pattern
    ) throws(DocumentError) -> [Double]? {
        let values = try shares(fields)
        guard case .groups(let keep, let group) = pattern else { return values }
        let implied = 1 - Double(keep) / Double(group)
        if let values, let node = fields.value("sparsity"),
            // Near enough for a third written with three decimals.
            values.count > 1 || abs(values[0] - implied) > 0.0005
        {
            throw fields.mismatch(
                "sparsity", node,
                expected: "\(implied), which is the sparsity of pattern \(pattern), or no sparsity")
        }
        return [implied]
    }

    private static func shares(_ fields: Fields) throws(DocumentError) -> [Double]? {
        guard let value = fields.value("sparsity") else { return nil }
        let elements = value.array ?? [value]
        if elements.isEmpty || elements.count > maximumOutputs {
            throw fields.mismatch(
                "sparsity", value,
                expected: "a number, or a list of 1 to \(maximumOutputs) numbers")
        }
        var shares: [Double] = []
        for element in elements {
            // NaN is in no range.
            guard let share = element.double, (0..<1).contains(share) else {
                throw fields.mismatch(
                    "sparsity", element,
                    expected: "a number that is at least 0 and less than 1, or a list of them")
            }
            if shares.contains(share) {
                throw fields.mismatch("sparsity", element, expected: "each number once")
            }
            shares.append(share)
        }
        return shares
    }

    private static func expressions(
        _ key: String, _ fields: Fields
    ) throws(DocumentError) -> [String]? {
        guard let texts = try fields.strings(key) else { return nil }
        if texts.count > maximumExpressions, let node = fields.value(key) {
            throw fields.mismatch(
                key, node, expected: "at most \(maximumExpressions) expressions; join some with '|'"
            )
        }
        var total = 0
        for (text, node) in texts {
            total += text.utf8.count
            if total > maximumExpressionsBytes {
                throw fields.mismatch(
                    key, node, expected: "at most \(maximumExpressionsBytes) bytes in all")
            }
            if text.utf8.count > maximumExpressionBytes {
                throw fields.mismatch(
                    key, node, expected: "an expression of at most \(maximumExpressionBytes) bytes")
            }
            if text.hasPrefix("re:") {
                throw fields.mismatch(
                    key, node,
                    expected:
                        "the expression without 're:', as llm-compressor has it: here all are "
                        + "regular expressions")
            }
            if text.isEmpty {
                throw fields.mismatch(
                    key, node, expected: "a regular expression; '.*' is found in every name")
            }
            do throws(ExpressionError) {
                _ = try LayerExpression(text)
            } catch {
                throw fields.mismatch(
                    key, node, expected: "a regular expression, but: \(quoted(error.reason))")
            }
        }
        return texts.map(\.text)
    }
}
