import Checkpoint
import Documents
import Expressions
import Manifests
import Posix
import Transformer

extension Planner {
    /// What `targets` and `ignore` say of the layers of each block.
    struct Selection {
        /// That are left to be pruned.
        let layers: [Set<LayerKey>]
        /// That `ignore` names.
        let ignored: [Set<LayerKey>]
    }

    /// - Throws: `PlanError` for an expression that is found in no layer's name, or takes too long.
    static func selection(_ model: Model, _ manifest: Manifest) throws -> Selection {
        let prune = manifest.prune
        let blocks = model.blocks.map { block in
            model.layers(block: block).map {
                (key: $0, block: block, name: model.layerName($0, block: block))
            }
        }
        let names = blocks.joined().map(\.name)
        let others = otherNames(model, besides: Set(names))
        let matcher = try Matcher(
            prune, names: names.count + others.count, place: manifest.name)
        var targets = try matcher.found(prune.targets, "targets", in: names)
        if let lost = targets.lost {
            let isHead = try matcher.found([lost], "targets", in: others).lost == nil
            throw PlanError(
                place: manifest.name,
                reason: isHead
                    ? .notPruned(expression: lost)
                    : .unmatched(
                        key: "targets", expression: lost, hint: hint(lost, names, model)))
        }
        let ignored = try matcher.found(prune.ignore, "ignore", in: names)
        for lost in ignored.allLost {
            // What is never pruned may be ignored all the same.
            if try matcher.found([lost], "ignore", in: others).lost == nil { continue }
            throw PlanError(
                place: manifest.name,
                reason: .unmatched(
                    key: "ignore", expression: lost, hint: hint(lost, names + others, model)))
        }
        let reserved = Set(
            blocks.joined().filter { model.isReserved($0.key, block: $0.block) }.map(\.name))
        let ordinary = names.filter { !reserved.contains($0) }
        // What an expression for others finds, too, is not what it names.
        let naming = try prune.targets.filter {
            try matcher.found([$0], "targets", in: ordinary).lost != nil
        }
        targets.names.subtract(reserved)
        targets.names.formUnion(
            try matcher.found(naming, "targets", in: reserved.sorted()).names)
        targets.names.subtract(ignored.names)
        func keys(_ names: Set<String>) -> [Set<LayerKey>] {
            blocks.map { block in Set(block.filter { names.contains($0.name) }.map(\.key)) }
        }
        return Selection(layers: keys(targets.names), ignored: keys(ignored.names))
    }

    /// Modules with weights that are never pruned, and the head by its usual name, whatever the
    /// family calls it: `lm_head` is what `ignore` has by default.
    private static func otherNames(_ model: Model, besides names: Set<String>) -> [String] {
        let suffix = ".weight"
        let modules = model.checkpoint.tensorNames.filter { $0.hasSuffix(suffix) }
            .map { String($0.dropLast(suffix.count)) }
        let heads = [model.ownHeadName].map { String($0.dropLast(suffix.count)) } + ["lm_head"]
        return Set(modules + heads).subtracting(names).sorted()
    }

    /// What its author may have meant.
    private static func hint(_ expression: String, _ names: [String], _ model: Model) -> String {
        let word = expression.filter { !"\\^$.*+?()[]{}|".contains($0) || $0 == "." }
            .split(separator: ".").joined(separator: ".")
        var parts: Set<String> = []
        for name in names {
            let pieces = name.split(separator: ".").map(String.init)
            parts.formUnion(pieces.filter { Int($0) == nil })
            for count in 1...max(1, pieces.count) {
                parts.insert(pieces.suffix(count).joined(separator: "."))
            }
        }
        // What is alike in all blocks first.
        let candidates = parts.sorted { ($0.utf8.count, $0) < ($1.utf8.count, $1) }
        // What the expression has already is not what it lacks.
        let nearest = Spelling.nearest(to: word, among: candidates.filter { !word.contains($0) })
        let example = names.first ?? ""
        let blocks = model.configuration.numHiddenLayers
        return (nearest.map { "did you mean '\(escaped($0))'? " } ?? "")
            + "Layers are named like \(escaped(example)), "
            + (blocks == 1 ? "block 0" : "blocks 0 to \(blocks - 1)")
    }

    /// Looks for expressions in names, with a bounded number of steps for all of them.
    private struct Matcher {
        private let steps: Int
        private let place: String

        init(_ prune: Manifest.Prune, names: Int, place: String) throws {
            let (pairs, overflow) = (prune.targets.count + prune.ignore.count)
                .multipliedReportingOverflow(by: names)
            steps = LayerExpression.steps(pairs: overflow ? .max : pairs)
            self.place = place
        }

        struct Found {
            /// In which at least one expression is found.
            var names: Set<String> = []
            /// Expressions that are found in no name.
            var allLost: [String] = []

            var lost: String? { allLost.first }
        }

        func found(_ expressions: [String], _ key: String, in names: [String]) throws -> Found {
            var result = Found()
            for text in expressions {
                do throws(ExpressionError) {
                    let expression = try LayerExpression(text)
                    var isFound = false
                    for name in names {
                        if try !expression.isFound(in: name, steps: steps) { continue }
                        isFound = true
                        result.names.insert(name)
                    }
                    if !isFound { result.allLost.append(text) }
                } catch {
                    throw PlanError(
                        place: place,
                        reason: .expression(key: key, expression: text, error.reason))
                }
            }
            return result
        }
    }
}
