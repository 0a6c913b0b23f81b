import Tensors

/// Which experts each token goes to, and with which weights their outputs are added.
///
/// Threads write rows of their own, and read only what was written in an earlier loop.
package final class Routes: Sendable {
    package let tokens: Int
    let perToken: Int
    /// Both `[tokens, perToken]`; experts by their number, -1 where there is none.
    private let experts: Matrix
    private let weights: Matrix

    package init(tokens: Int, perToken: Int) {
        self.tokens = tokens
        self.perToken = perToken
        experts = Matrix(rows: tokens, columns: perToken)
        experts.view.fill(-1)
        weights = Matrix(rows: tokens, columns: perToken)
    }

    /// What one takes, in bytes, with the lists of a group's tokens.
    package static func bytes(tokens: Int, perToken: Int) -> Int { 16 * tokens * perToken }

    func set(_ token: Int, _ place: Int, expert: Int, weight: Float) {
        experts.view[token, place] = Float(expert)
        weights.view[token, place] = weight
    }

    /// The experts of a token and what their outputs are multiplied with, in the router's order.
    package func experts(of token: Int) -> [(expert: Int, weight: Float)] {
        (0..<perToken).compactMap { place in
            let expert = Int(experts.view[token, place])
            return expert < 0 ? nil : (expert, weights.view[token, place])
        }
    }

    /// The tokens of each of some experts, ascending.
    package func tokens(of range: Range<Int>) -> [ExpertTokens] {
        var found = range.map { _ in ExpertTokens() }
        for token in 0..<tokens {
            for place in 0..<perToken {
                let expert = Int(experts.view[token, place])
                guard range.contains(expert) else { continue }
                found[expert - range.lowerBound].append(
                    token: Int32(truncatingIfNeeded: token), weight: weights.view[token, place])
            }
        }
        return found
    }
}

/// The tokens that an expert serves, in their order, and what its output is multiplied with for
/// each.
package struct ExpertTokens: Sendable {
    /// Rows of the hidden states.
    package private(set) var rows: [Int32] = []
    package private(set) var weights: [Float] = []

    package init() {}

    /// All of `count` tokens, each with the weight 1.
    package init(all count: Int) {
        rows = (0..<count).map { Int32(truncatingIfNeeded: $0) }
        weights = [Float](repeating: 1, count: count)
    }

    package var count: Int { rows.count }

    /// By how much each token counts in statistics: what the expert's output is multiplied with,
    /// scaled so that the mean of their squares is 1. nil where all count alike.
    package var tokenWeights: [Float]? {
        let power = power
        guard power > 0, weights.contains(where: { $0 != weights[0] }) else { return nil }
        let factor = (Double(count) / power).squareRoot()
        return weights.map { Float(Double($0) * factor) }
    }

    /// The sum of the squares of the weights.
    package var power: Double { weights.reduce(0) { $0 + Double($1) * Double($1) } }

    fileprivate mutating func append(token: Int32, weight: Float) {
        rows.append(token)
        weights.append(weight)
    }

    /// How many of them are below `limit`.
    func count(below limit: Int) -> Int { rows.firstIndex { Int($0) >= limit } ?? rows.count }
}
