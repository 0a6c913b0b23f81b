import Documents
import Pruning
import Tensors
import Transformer

/// One layer in the report.
struct ReportLayer: Sendable {
    let name: String
    let block: Int
    let rows: Int
    let columns: Int
    /// Of what is left, where the layer became smaller.
    let kept: Shape?
    let metric: String
    let compensation: Compensation
    let reason: String?
    let policy: BiasPlan.Policy
    let zeros: Int
    let changesBias: Bool
    let biasShare: Double?
    let expectedError: Double?
    let measuredError: Double?
    let carriedMean: Double?
    let carriedScale: Double?
    let damping: Double?
    /// The share of zeros that was asked for.
    let asked: Double

    init(_ result: LayerResult) {
        name = result.plan.name
        block = result.plan.block
        rows = result.shape.rows
        columns = result.shape.columns
        let left = Shape(rows: result.layer.rows, columns: result.layer.columns)
        kept = left == result.shape ? nil : left
        metric = result.plan.choice?.metric.name ?? ""
        compensation = result.plan.choice?.compensation ?? .none
        reason = result.plan.choice?.reason
        policy = result.plan.policy
        zeros = result.outcome.zeros
        changesBias = result.outcome.biasChange != nil
        biasShare = result.outcome.biasShare
        expectedError = result.outcome.expectedError
        measuredError = result.outcome.measuredError
        carriedMean = result.outcome.carriedMean
        carriedScale = result.outcome.carriedScale
        damping = result.outcome.damping
        asked = result.sparsity
    }

    var node: Node {
        var node: Node = .object([
            "name": Node(name), "block": Node(block), "rows": Node(rows),
            "columns": Node(columns), "method": Node(metric), "zeros": Node(zeros),
            "sparsity": Node(Double(zeros) / Double(max(1, rows * columns))),
            "sparsity_asked": Node(asked), "compensation": Node(compensation.rawValue),
            "bias_share": biasShare.map { Node($0) } ?? .null,
            "bias": .object([
                "policy": Node(policy.rawValue), "added": Node(changesBias),
            ]),
            "expected_error": expectedError.map { Node($0) } ?? .null,
            "measured_error": measuredError.map { Node($0) } ?? .null,
        ])
        if let carriedMean { node = node.setting("carried_mean", to: Node(carriedMean)) }
        if let carriedScale { node = node.setting("carried_scale", to: Node(carriedScale)) }
        if let kept {
            node = node.setting(
                "kept", to: .object(["rows": Node(kept.rows), "columns": Node(kept.columns)]))
        }
        if let damping { node = node.setting("damping", to: Node(damping)) }
        if let reason { node = node.setting("reason", to: Node(reason)) }
        return node
    }

    /// From what `node` was; nil where it is something else.
    init?(_ node: Node) {
        guard let name = node["name"]?.string, let block = node["block"]?.integer,
            let rows = node["rows"]?.integer, let columns = node["columns"]?.integer,
            let metric = node["method"]?.string, let zeros = node["zeros"]?.integer,
            let compensation = node["compensation"]?.string.flatMap({
                Compensation(rawValue: $0)
            }),
            let policy = node["bias"]?["policy"]?.string.flatMap({
                BiasPlan.Policy(rawValue: $0)
            }), let changesBias = node["bias"]?["added"]?.bool,
            let asked = node["sparsity_asked"]?.double
        else { return nil }
        self.name = name
        self.block = block
        self.rows = rows
        self.columns = columns
        self.metric = metric
        self.compensation = compensation
        self.policy = policy
        self.zeros = zeros
        self.changesBias = changesBias
        if let left = node["kept"] {
            guard let rows = left["rows"]?.integer, let columns = left["columns"]?.integer
            else { return nil }
            kept = Shape(rows: rows, columns: columns)
        } else {
            kept = nil
        }
        self.asked = asked
        reason = node["reason"]?.string
        biasShare = node["bias_share"]?.double
        expectedError = node["expected_error"]?.double
        measuredError = node["measured_error"]?.double
        carriedMean = node["carried_mean"]?.double
        carriedScale = node["carried_scale"]?.double
        damping = node["damping"]?.double
    }
}
