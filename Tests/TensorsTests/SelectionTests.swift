import TestSupport
import Testing

@testable import Tensors

struct SelectionTests {
    enum Order: String, CaseIterable, Sendable {
        case distinct, fewValues, twoValues, allEqual, ascending, descending, organPipe, zeros
    }

    private func scores(_ order: Order, _ count: Int, _ random: inout Seeded) -> [Double] {
        (0..<count).map { index in
            switch order {
            case .distinct: Double.random(in: 0..<1, using: &random)
            case .fewValues: Double(Int.random(in: 0..<5, using: &random))
            case .twoValues: Double(Int.random(in: 0..<2, using: &random))
            case .allEqual: 0.25
            case .ascending: Double(index / 2)
            case .descending: Double((count - index) / 2)
            case .organPipe: Double(min(index, count - index))
            case .zeros: index % 3 == 0 ? Double.random(in: 0..<1, using: &random) : 0
            }
        }
    }

    /// As the reference does it: a stable sort, the first ones go.
    private func sorted(_ scores: ArraySlice<Double>, _ amount: Int) -> [UInt8] {
        var mask = [UInt8](repeating: 0, count: scores.count)
        let order = scores.enumerated().sorted {
            ($0.element, $0.offset) < ($1.element, $1.offset)
        }
        for (offset, _) in order.prefix(amount) { mask[offset] = 1 }
        return mask
    }

    private func marked(_ scores: [Double], _ amount: Int) -> [UInt8] {
        var scratch = [Double](repeating: .nan, count: scores.count)
        var mask = [UInt8](repeating: 7, count: scores.count)
        markLeast(amount, of: scores, count: scores.count, scratch: &scratch, mask: &mask)
        return mask
    }

    @Test(arguments: Order.allCases)
    func markLeast_agreesWithStableSort(_ order: Order) {
        var random = Seeded(7)
        for count in [1, 2, 3, 4, 5, 8, 17, 64, 100, 257, 1000] {
            for amount in Set([0, 1, count / 3, count / 2, count - 1, count]) {
                for _ in 0..<5 {
                    let scores = scores(order, count, &random)
                    #expect(
                        marked(scores, amount) == sorted(scores[...], amount),
                        "\(amount) of \(count)")
                }
            }
        }
    }

    @Test(arguments: [
        (1, 2), (2, 4), (1, 4), (3, 4), (4, 8), (7, 8), (1, 16), (16, 32), (31, 32), (1, 33),
        (20, 40), (32, 64), (100, 128), (1, 4096),
    ])
    func groups_agreeWithStableSort(_ keep: Int, _ group: Int) {
        var random = Seeded(8)
        for order in Order.allCases {
            let count = group * (group > 1000 ? 1 : 6)
            let scores = scores(order, count, &random)
            var scratch = [Double](repeating: .nan, count: count)
            var mask = [UInt8](repeating: 7, count: count)
            markLeast(
                keep: keep, ofEvery: group, of: scores, count: count, scratch: &scratch,
                mask: &mask)
            let expected = stride(from: 0, to: count, by: group).flatMap {
                sorted(scores[$0..<($0 + group)], group - keep)
            }
            #expect(mask == expected, "\(order)")
        }
    }

    /// The order of patterns that makes quickselect with a fixed pivot quadratic.
    @Test func longRows_takeNoTime() {
        let count = 200_000
        for scores in [
            [Double](repeating: 0, count: count), (0..<count).map { Double($0) },
            (0..<count).map { Double($0 % 2) },
        ] {
            let start = ContinuousClock.now
            let mask = marked(scores, count / 2)
            #expect(ContinuousClock.now - start < .seconds(1))
            #expect(mask.reduce(0) { $0 + Int($1) } == count / 2)
        }
    }

    @Test func score_isMagnitudeTimesFactor() {
        let weights: [Float] = [-2, 0, 0.1, -.leastNonzeroMagnitude, 3e38]
        let factors: [Double] = [0.5, 9, 1.0 / 3, 1e300, 2]
        var result = [Double](repeating: 0, count: 5)
        score(weights, by: factors, count: 5, into: &result)
        for j in 0..<5 { #expect(result[j] == abs(Double(weights[j])) * factors[j]) }
    }
}
