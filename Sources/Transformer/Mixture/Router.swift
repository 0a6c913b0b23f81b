import Glibc
import Tensors

/// Chooses the experts of each token, in float32 whatever products are computed in: a rounded score
/// would send tokens elsewhere.
///
/// Source: the routers in the modeling files of transformers, as `Architecture.Mixture.Routing`
/// names them. Of equal scores the first counts.
struct Router {
    let routing: Architecture.Mixture.Routing
    let mixture: MixtureConfiguration
    /// `[experts]`, added to the scores by which is chosen.
    let correction: [Float]?
    /// Of a mixture beside a feed-forward, whose router reads something else.
    let beside: BesideRouter?
    /// The experts that there are, ascending, at least one of each group; nil: all.
    var kept: [Int]?

    /// The same, as the router of a model that has some of the experts alone; they keep their
    /// numbers. The outputs of the layer that it reads are of all.
    func among(_ experts: [Int]) -> Router {
        var router = self
        router.kept = experts
        return router
    }

    /// Writes the routes of some tokens.
    /// - Parameters:
    ///   - logits: `[rows, experts]`, the router's outputs; used up.
    ///   - first: the token of the first row.
    func route(_ logits: MatrixView, first: Int, into routes: Routes) {
        for index in 0..<logits.rows {
            var scores =
                kept.map { $0.map { logits[index, $0] } }
                ?? (0..<logits.columns).map { logits[index, $0] }
            let chosen: [(expert: Int, weight: Float)]
            switch routing.scores {
            case .mixer: chosen = mixed(scores)
            case .logits:
                let experts = largest(scores)
                let weights = Self.softmax(experts.map { scores[$0] })
                chosen = Array(zip(experts, weights)).map { ($0, $1) }
            case .softmax:
                scores = Self.softmax(scores)
                chosen = chosenByScore(scores)
            case .sigmoid:
                scores = scores.map { 1 / (1 + expf(-$0)) }
                chosen = chosenByScore(scores)
            }
            for (place, choice) in chosen.enumerated() {
                let expert = kept?[choice.expert] ?? choice.expert
                let factor = beside.map { $0.factors[expert] } ?? 1
                routes.set(
                    first + index, place, expert: expert, weight: choice.weight * factor)
            }
        }
    }

    private func chosenByScore(_ scores: [Float]) -> [(expert: Int, weight: Float)] {
        var judged = scores
        if let correction {
            for e in judged.indices { judged[e] += correction[kept?[e] ?? e] }
        }
        if let groups = mixture.groups { limit(&judged, to: groups) }
        let experts = largest(judged)
        // Where groups are judged by their largest score, the others' count as 0 from there on.
        var weights = experts.map { routing.groups == .largest ? judged[$0] : scores[$0] }
        if mixture.normalises {
            var sum = weights.reduce(0, +)
            if case .added(let floor) = routing.floor { sum += Float(floor) }
            if let least = mixture.leastSum { sum = max(sum, least) }
            weights = weights.map { $0 / sum }
        }
        return zip(experts, weights).map { ($0, $1 * mixture.scale) }
    }

    /// Leaves the scores of the best groups.
    private func limit(_ scores: inout [Float], to groups: MixtureConfiguration.Groups) {
        let ranges = ranges(of: groups, scores.count)
        let values = ranges.map { range -> Float in
            let members = scores[range].sorted(by: >)
            return routing.groups == .largest
                ? members.first ?? 0 : members.prefix(2).reduce(0, +)
        }
        let best = Set(Self.largest(values, groups.kept))
        let other: Float = routing.groups == .largest ? 0 : -.infinity
        for (group, range) in ranges.enumerated() where !best.contains(group) {
            for place in range { scores[place] = other }
        }
    }

    /// The places of the scores of each group's experts.
    private func ranges(
        of groups: MixtureConfiguration.Groups, _ count: Int
    ) -> [Range<Int>] {
        let size = mixture.experts / groups.count
        guard let kept else {
            return (0..<groups.count).map { ($0 * size)..<(($0 + 1) * size) }
        }
        var start = 0
        return (0..<groups.count).map { group in
            let end = kept[start...].firstIndex { $0 / size > group } ?? count
            defer { start = end }
            return start..<end
        }
    }

    private func largest(_ scores: [Float]) -> [Int] {
        Self.largest(scores, mixture.expertsPerToken)
    }

    /// The places of the `count` largest, the largest first.
    private static func largest(_ scores: [Float], _ count: Int) -> [Int] {
        var best: [Int] = []
        best.reserveCapacity(count + 1)
        for (place, score) in scores.enumerated() {
            if best.count == count, let last = best.last, score <= scores[last] { continue }
            var target = best.count
            while target > 0, score > scores[best[target - 1]] { target -= 1 }
            best.insert(place, at: target)
            if best.count > count { best.removeLast() }
        }
        return best
    }

    private static func softmax(_ x: [Float]) -> [Float] {
        let top = x.max() ?? 0
        let powers = x.map { expf($0 - top) }
        let sum = powers.reduce(0, +)
        return powers.map { $0 / sum }
    }

    private func mixed(_ scores: [Float]) -> [(expert: Int, weight: Float)] {
        func pick(_ open: [Float]) -> (expert: Int, weight: Float) {
            let best = Self.largest(open, 1)[0]
            let top = open[best]
            let near = scores.indices.map { place -> Float in
                let factor = max(scores[place].magnitude, top)
                return (top - scores[place]) / factor > 2 * mixture.jitter
                    ? -.infinity : open[place]
            }
            return (best, Self.softmax(near)[best])
        }
        let first = pick(scores)
        var rest = scores
        rest[first.expert] = -.infinity
        return [first, pick(rest)]
    }
}
