import Documents

/// What `stade-report.json` says, as a page or tables show it: only what is there, nothing computed
/// anew.
package struct ReportContents: Sendable {
    let name: String
    let id: String?
    let model: String?
    let family: String?
    let parameters: Int?
    let settings: [(key: String, value: String)]
    let layers: [Layer]
    let blocks: [Block]
    let perplexity: Perplexity?
    let fidelity: Fidelity?
    let questions: Questions?
    let weights: Int
    let zeros: Int
    /// Sizes and multiply-adds: `cost` as it stands.
    let cost: [String: Int]
    /// `speed` and `channels` as they stand; see `ReportContents+Channels`.
    let speed: Node?
    let channels: Node?
    let resources: Node
    let curve: [Point]
    let leftOut: [(path: String, reason: String)]

    struct Layer: Sendable {
        let name: String
        let block: Int
        let rows: Int
        let columns: Int
        let method: String
        let compensation: String
        let zeros: Int
        let sparsity: Double
        let biasShare: Double?
        let expectedError: Double?
        let measuredError: Double?
        let bias: String
        let reason: String?

        /// The name within its block, e.g. `mlp.down_proj`: what layers of all blocks have in
        /// common.
        var role: String {
            let parts = name.split(separator: ".")
            guard let index = parts.firstIndex(where: { Int($0) == block }) else { return name }
            return parts[(index + 1)...].joined(separator: ".")
        }
    }

    struct Block: Sendable {
        let index: Int
        let meanSquaredError: Double?
        let cosine: Double?
        let seconds: Double?
    }

    struct Point: Sendable {
        let method: String?
        let sparsity: Double
        let output: String
        let zeros: Int
        let multiplyAdds: Int?
        let bytes: Int?
        /// Nil where none was measured.
        let perplexity: Measured?
        /// Of the ratio of this perplexity and the dense model's.
        let ratioError: Double?
        let fidelity: Fidelity?
        /// Of the accuracies, against the dense model's.
        let change: (plain: Measured?, normalised: Measured?)
    }

    /// - Returns: nil where `report` is no report of version 1.
    package init?(_ report: Node) {
        guard report["version"]?.integer == 1, let cost = report["cost"],
            let weights = cost["weights"]?.integer, let zeros = cost["zeros"]?.integer
        else { return nil }
        name = report["job"]?["name"]?.string ?? "a job"
        id = report["job"]?["id"]?.string
        model = report["model"]?["path"]?.string
        family = report["model"]?["family"]?.string
        parameters = report["model"]?["parameters"]?.integer
        self.weights = weights
        self.zeros = zeros
        self.cost = Dictionary(
            (cost.members ?? []).compactMap { member in
                member.value.integer.map { (member.key, $0) }
            }, uniquingKeysWith: { first, _ in first })
        speed = report["speed"]
        channels = report["channels"]
        resources = report["resources"] ?? .object([:])
        settings = [("prune", report["prune"]), ("calibration", report["calibration"])].flatMap {
            section, node in
            (node?.members ?? []).compactMap { member in
                Self.text(member.value).map { ("\(section).\(member.key)", $0) }
            }
        }
        layers = (report["layers"]?.array ?? []).compactMap(Layer.init)
        blocks = (report["blocks"]?.array ?? []).compactMap(Block.init)
        perplexity = report["perplexity"].flatMap(Perplexity.init)
        fidelity = report["fidelity"].flatMap { Fidelity($0) }
        questions = report["choices"].flatMap(Questions.init)
        curve = (report["curve"]?.array ?? []).compactMap(Point.init)
        leftOut = (report["files_left_out"]?.array ?? []).compactMap { node in
            node["path"]?.string.map { ($0, node["reason"]?.string ?? "") }
        }
    }

    private static func text(_ node: Node) -> String? {
        switch node.value {
        case .string(let text): text
        case .bool(let bool): "\(bool)"
        case .integer(let integer): "\(integer)"
        case .number(let number): "\(number)"
        default: nil
        }
    }

    /// The share of zeros among the blocks' weights, 0 to 1.
    var share: Double { weights > 0 ? Double(zeros) / Double(weights) : 0 }

    /// How many layers got what, the most frequent first, e.g. `stade with affine`.
    var choices: [(text: String, count: Int)] {
        var counts: [String: Int] = [:]
        for layer in layers {
            counts["\(layer.method) with \(layer.compensation)", default: 0] += 1
        }
        return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) }
    }

    /// Layers by role, in the order in which they first come.
    var roles: [(name: String, layers: [Layer])] {
        var result: [(name: String, layers: [Layer])] = []
        for layer in layers {
            if let index = result.firstIndex(where: { $0.name == layer.role }) {
                result[index].layers.append(layer)
            } else {
                result.append((layer.role, [layer]))
            }
        }
        return result
    }
}

extension ReportContents.Layer {
    init?(_ node: Node) {
        guard let name = node["name"]?.string, let block = node["block"]?.integer,
            let rows = node["rows"]?.integer, let columns = node["columns"]?.integer,
            let zeros = node["zeros"]?.integer, let sparsity = node["sparsity"]?.double
        else { return nil }
        self.init(
            name: name, block: block, rows: rows, columns: columns,
            method: node["method"]?.string ?? "", compensation: node["compensation"]?.string ?? "",
            zeros: zeros, sparsity: sparsity, biasShare: node["bias_share"]?.double,
            expectedError: node["expected_error"]?.double,
            measuredError: node["measured_error"]?.double,
            bias: node["bias"]?["added"]?.bool == true
                ? node["bias"]?["policy"]?.string ?? "" : "unchanged",
            reason: node["reason"]?.string)
    }
}

extension ReportContents.Block {
    init?(_ node: Node) {
        guard let index = node["index"]?.integer else { return nil }
        self.init(
            index: index, meanSquaredError: node["mse"]?.double, cosine: node["cosine"]?.double,
            seconds: node["seconds"]?.double)
    }
}

extension ReportContents.Point {
    init?(_ node: Node) {
        guard let sparsity = node["sparsity"]?.double, let zeros = node["zeros"]?.integer
        else { return nil }
        // A point without words was not measured where its perplexity is null.
        let isMeasured = node["perplexity"]?.double != nil || node["perplexity_text"] != nil
        let change = node["choices_change"]
        self.init(
            method: node["method"]?.string, sparsity: sparsity,
            output: node["output"]?.string ?? "", zeros: zeros,
            multiplyAdds: node["multiply_adds_per_token"]?.integer, bytes: node["bytes"]?.integer,
            perplexity: isMeasured
                ? .init(measured: node, "perplexity", error: "", words: "perplexity_text") : nil,
            ratioError: node["ratio_standard_error"]?.double,
            fidelity: .init(node, isMeasured: isMeasured),
            change: (
                .init(measured: change, "acc", error: "acc_standard_error"),
                .init(measured: change, "acc_norm", error: "acc_norm_standard_error")
            ))
    }
}
