import Documents
import Pruning
import Transformer

/// One layer in the report.
struct ReportLayer: Sendable {
    let name: String
    let block: Int
    let rows: Int
    let columns: Int
    let metric: String
    let compensation: Compensation
    let reason: String?
    let policy: BiasPlan.Policy
    let zeros: Int
    let changesBias: Bool
    let biasShare: Double?
    let expectedError: Double?
    let damping: Double?

    init(_ result: LayerResult) {
        name = result.plan.name
        block = result.plan.block
        rows = result.layer.rows
        columns = result.layer.columns
        metric = result.plan.choice?.metric.name ?? ""
        compensation = result.plan.choice?.compensation ?? .none
        reason = result.plan.choice?.reason
        policy = result.plan.policy
        zeros = result.outcome.zeros
        changesBias = result.outcome.biasChange != nil
        biasShare = result.outcome.biasShare
        expectedError = result.outcome.expectedError
        damping = result.outcome.damping
    }

    var node: Node {
        var node: Node = .object([
            "name": Node(name), "block": Node(block), "rows": Node(rows),
            "columns": Node(columns), "method": Node(metric), "zeros": Node(zeros),
            "sparsity": Node(Double(zeros) / Double(max(1, rows * columns))),
            "compensation": Node(compensation.rawValue),
            "bias_share": biasShare.map { Node($0) } ?? .null,
            "bias": .object([
                "policy": Node(policy.rawValue), "added": Node(changesBias),
            ]),
            "expected_error": expectedError.map { Node($0) } ?? .null,
        ])
        if let damping { node = node.setting("damping", to: Node(damping)) }
        if let reason { node = node.setting("reason", to: Node(reason)) }
        return node
    }
}
