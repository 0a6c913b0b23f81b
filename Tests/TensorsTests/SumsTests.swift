import TestSupport
import Testing

@testable import Tensors

struct SumsTests {
    @Test func moments_areSumsInDouble() {
        var random = Seeded(10)
        let x = random.matrix(57, 19, in: -1e4...1e4)
        var whole = Moments(features: 19)
        whole.add(x.view)
        var sum = [Double](repeating: 0, count: 19)
        var squares = sum
        for row in 0..<57 {
            for (j, value) in x.view.values(row).enumerated() {
                sum[j] += Double(value)
                squares[j] += Double(value) * Double(value)
            }
        }
        #expect(whole.count == 57)
        #expect(whole.sum == sum)
        #expect(whole.squares == squares)

        var first = Moments(features: 19)
        first.add(x.rows(0..<20))
        var second = Moments(features: 19)
        second.add(x.rows(20..<57))
        first += second
        #expect(first.count == 57)
        for j in 0..<19 {
            #expect(abs(first.sum[j] - sum[j]) <= 1e-9 * abs(sum[j]) + 1e-9)
            #expect(abs(first.squares[j] - squares[j]) <= 1e-12 * squares[j])
        }
    }

    @Test func difference_isDirect() {
        let x = Matrix([[1, 2], [3, 4]])
        let y = Matrix([[1, 0], [-3, 4.5]])
        let difference = Difference(x.view, y.view)
        #expect(difference.squaredError == 40.25)
        #expect(difference.dot == 10)
        #expect(difference.squaredX == 30)
        #expect(difference.squaredY == 30.25)
        #expect(difference.meanSquaredError == 40.25 / 4)
        #expect(abs(difference.cosine - 10 / (30 * 30.25).squareRoot()) < 1e-15)
        var sum = Difference()
        #expect(sum.meanSquaredError == 0 && sum.cosine == 1)
        sum += Difference(x.rows(0..<1), y.rows(0..<1))
        sum += Difference(x.rows(1..<2), y.rows(1..<2))
        #expect(sum == difference)
        let zero = Matrix(rows: 2, columns: 2)
        #expect(Difference(x.view, zero.view).cosine == 0)
        #expect(Difference(zero.view, zero.view).cosine == 1)
        #expect(abs(Difference(x.view, x.view).cosine - 1) < 1e-15)
    }

    @Test func rowFit_isPerColumn() {
        let y = Matrix([[1, 2], [3, 4]])
        let z = Matrix([[5, 0], [7, -1]])
        let fit = RowFit(y.view, z.view)
        #expect(fit.products == [26, -4])
        #expect(fit.powers == [74, 1])
    }

    @Test func center_takesTheMeanAway() {
        let x = Matrix([[1, 0.1, -4], [3, 0.1, 4], [8, 0.1, 0]])
        center(x.view)
        #expect(x.view.all == [-3, 0, -4, -1, 0, 4, 4, 0, 0])
        let none = Matrix(rows: 0, columns: 3)
        center(none.view)
    }

    @Test func arithmetic_isElementwise() {
        let x = Matrix([[1, 2, 3], [4, 5, 6]])
        let y = Matrix([[10, 20, 30], [40, 50, 60]])
        add(y.view, to: x.view)
        #expect(x.view.all == [11, 22, 33, 44, 55, 66])
        let z = Matrix([[1, 0, 2], [0.5, 1, -1]])
        multiply(x.view, by: z.view)
        #expect(x.view.all == [11, 0, 66, 22, 55, -66])
    }

    @Test func updateRow_zeroesScalesAndSums() {
        var weights: [Float] = [2, -3, 0, 5]
        let mean: [Double] = [1, 2, 3, -1]
        let variance: [Double] = [0.5, 1, 2, 3]
        let summary = updateRow(
            &weights, mask: [0, 1, 0, 0], scale: 1.5, mean: mean, variance: variance, count: 4,
            type: .float32)
        #expect(weights == [3, 0, 0, 7.5])
        #expect(summary.zeros == 2)
        #expect(summary.bias == -1 - 6 + 2.5)
        #expect(summary.removedVariance == 0.5 + 9 + 18.75)
        #expect(summary.variance == 2 + 9 + 75)
        #expect(summary.mean == 2 - 6 - 5)
        var squares: [Double] = [1, 0, 0, 0]
        addSquares(Matrix([weights]).view, to: &squares)
        #expect(squares == [10, 0, 0, 56.25])
    }
}
