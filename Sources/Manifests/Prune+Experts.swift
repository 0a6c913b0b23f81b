import Documents
import Pruning

extension Manifest.Prune {
    /// What has no meaning where whole experts go, and what has none elsewhere.
    mutating func readExperts(_ fields: Fields) throws(DocumentError) {
        guard pattern == .experts else {
            if let method = methods.first(where: { !$0.judgesWeights }),
                let node = fields.value("method")
            {
                throw fields.mismatch(
                    "method", node,
                    expected: "another one, or pattern experts, for \(method.name) judges experts "
                        + "alone")
            }
            if let node = fields.value("experts") {
                throw fields.mismatch(
                    "experts", node, expected: "nothing, or pattern experts, which it is about")
            }
            return
        }
        if let method = methods.first(where: { $0.experts == nil }),
            let node = fields.value("method")
        {
            let names = Method.all.filter { $0.experts != nil }.map(\.name)
            throw fields.mismatch(
                "method", node,
                expected: "a method that can judge whole experts, which \(method.name) cannot: "
                    + names.joined(separator: ", "))
        }
        if let section = try fields.section("experts") {
            if let node = section.value("scope"), node.string == "model" {
                throw section.mismatch(
                    "scope", node,
                    expected: "block, for a checkpoint has one number of experts, and every block "
                        + "must keep as many")
            }
            experts = try section.choice("scope", Manifest.ExpertScope.self) ?? .block
        }
        if order != .blocks, let node = fields.value("sequential") {
            throw fields.mismatch(
                "sequential", node,
                expected: "true, or nothing, with pattern experts: experts are judged behind the "
                    + "blocks that have lost theirs")
        }
        if compensation != nil, let node = fields.value("compensation") {
            throw fields.mismatch(
                "compensation", node,
                expected: "auto, or nothing, with pattern experts, which takes no single weights")
        }
        for key in ["scope", "targets", "ignore", "bias"] {
            guard let node = fields.value(key) else { continue }
            throw fields.mismatch(
                key, node, expected: "nothing with pattern experts, which takes no single weights")
        }
    }
}

extension Manifest {
    /// What outside of `prune` has no meaning where whole experts go.
    func checkExperts(_ fields: Fields) throws(DocumentError) {
        guard prune.pattern == .experts else { return }
        if statistics, let node = fields.value("statistics") {
            throw fields.mismatch(
                "statistics", node,
                expected: "false, or nothing, with prune.pattern experts, which gathers none")
        }
        if let calibration = try fields.section("calibration"),
            let node = calibration.value("statistics")
        {
            throw calibration.mismatch(
                "statistics", node,
                expected: "text or tokens instead with prune.pattern experts: the file does not "
                    + "say what experts make of them")
        }
    }
}
