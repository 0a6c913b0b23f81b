import TestSupport
import Testing

@testable import Tensors

/// What the row selection finds, against the selection among scores in double precision.
struct RowSelectionTests {
    enum Weights: String, CaseIterable, Sendable {
        case normal, coarse, halfZero, equal, huge, tiny, mixed
    }

    private func weights(_ kind: Weights, _ count: Int, _ random: inout Seeded) -> [Float] {
        (0..<count).map { j in
            let x = Float.random(in: -1...1, using: &random)
            return switch kind {
            case .normal: x * x * x
            case .coarse: (x * 16).rounded() / 16
            case .halfZero: j % 2 == 0 ? 0 : x
            case .equal: 0.5
            case .huge: x * 3e38
            case .tiny: x * Float(sign: .plus, exponent: -140, significand: 1)
            case .mixed: x * Float(sign: .plus, exponent: j % 200 - 100, significand: 1)
            }
        }
    }

    enum Factors: String, CaseIterable, Sendable {
        case ones, spread, some, vast, small, zeros, far
    }

    private func factors(_ kind: Factors, _ count: Int, _ random: inout Seeded) -> [Double] {
        (0..<count).map { j in
            let x = Double.random(in: 0.5...4, using: &random)
            return switch kind {
            case .ones: 1
            case .spread: x
            // Apart by less than float32 can tell.
            case .some: 1 + x * 1e-9
            case .vast: x * 1e300
            case .small: x * Double(sign: .plus, exponent: -1030, significand: 1)
            case .zeros: j % 3 == 0 ? x : 0
            case .far: j % 2 == 0 ? x : x * 1e-40
            }
        }
    }

    @Test(arguments: Weights.allCases, Factors.allCases)
    func markLeast_agreesWithDoubles(_ kind: Weights, _ scale: Factors) {
        var random = Seeded(11)
        for count in [1, 7, 64, 100, 515, 3000] {
            let selection = RowSelection(columns: count)
            for amount in Set([0, 1, count / 4, count / 2, count * 7 / 10, count - 1, count]) {
                let weights = weights(kind, count, &random)
                let factors = factors(scale, count, &random)
                var scores = [Double](repeating: 0, count: count)
                score(weights, by: factors, count: count, into: &scores)
                var scratch = scores
                var expected = [UInt8](repeating: 7, count: count)
                markLeast(amount, of: scores, count: count, scratch: &scratch, mask: &expected)
                var mask = [UInt8](repeating: 7, count: count)
                selection.markLeast(amount, of: weights, by: ColumnFactors(factors), mask: &mask)
                #expect(mask == expected, "\(amount) of \(count)")
            }
        }
    }

    /// Rows that differ in scale, so that each search starts far off.
    @Test func rowsOfAnyScale_areSearched() {
        var random = Seeded(12)
        let count = 2000
        let selection = RowSelection(columns: count)
        let factors = ColumnFactors([Double](repeating: 1, count: count))
        for exponent in [-120, 0, 90, -30, 126, -149] {
            let weights = (0..<count).map { _ in
                Float(sign: .plus, exponent: exponent, significand: 1)
                    * Float.random(in: -1...1, using: &random)
            }
            var mask = [UInt8](repeating: 7, count: count)
            selection.markLeast(count / 2, of: weights, by: factors, mask: &mask)
            let scores = weights.map { Double($0.magnitude) }
            let median = scores.sorted()[count / 2]
            #expect(mask.reduce(0) { $0 + Int($1) } == count / 2)
            #expect(zip(mask, scores).allSatisfy { $0 == 0 || $1 <= median })
        }
    }
}
