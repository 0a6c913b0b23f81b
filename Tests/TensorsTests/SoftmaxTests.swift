import Glibc
import Tensors
import Testing

struct SoftmaxTests {
    /// A row of its own, all of it kept.
    private func softmaxed(_ x: [Float]) -> [Float] {
        let matrix = Matrix([x])
        softmax(matrix.view) { _ in 0..<x.count }
        return matrix.view.all
    }

    /// Of [0, x] the second is e^x / (1 + e^x): the exponential but for two roundings.
    @Test func exponential_isWithinUlps() {
        var worst = 0.0
        for x in stride(from: Float(-87), through: 0, by: 0.0007) {
            let y = softmaxed([0, x])
            let exact = exp(Double(x)) / (1 + exp(Double(x)))
            worst = max(worst, abs(Double(y[1]) - exact) / Double(Float(exact).ulp))
        }
        #expect(worst < 4.5)
    }

    @Test func extremes_areZeroOrOne() {
        #expect(softmaxed([0, -.infinity]) == [1, 0])
        #expect(softmaxed([3e38, 0, -3e38]) == [1, 0, 0])
        #expect(softmaxed([-1e30]) == [1])
        #expect(softmaxed([5, 5, 5, 5]) == [0.25, 0.25, 0.25, 0.25])
        #expect(softmaxed([0, -87.5, -88, -90, -1e9]) == [1, 0, 0, 0, 0])
    }

    @Test(arguments: [1, 2, 15, 16, 17, 40, 1000])
    func agreesWithDouble(_ count: Int) {
        var random = Seeded(UInt64(count))
        let x = random.floats(count, in: -20...20)
        let y = softmaxed(x)
        let largest = Double(x.max() ?? 0)
        let total = x.reduce(0.0) { $0 + exp(Double($1) - largest) }
        for (x, y) in zip(x, y) {
            let exact = exp(Double(x) - largest) / total
            #expect(abs(Double(y) / exact - 1) < 3e-6)
        }
        #expect(abs(y.reduce(0) { $0 + Double($1) } - 1) < 1e-6)
    }

    /// Each row keeps a range of its own; beyond the view nothing changes.
    @Test func ranges_zeroTheRest() {
        var random = Seeded(2)
        let matrix = random.matrix(5, 12)
        let before = matrix.view.all
        let view = matrix.view.part(rows: 0..<5, columns: 1..<11)
        softmax(view) { row in row..<(row + 4) }
        for row in 0..<5 {
            let kept = Array(before[(row * 12 + 1 + row)..<(row * 12 + 5 + row)])
            #expect(Array(view.values(row)[row..<(row + 4)]) == softmaxed(kept))
            #expect(view.values(row)[..<row].allSatisfy { $0 == 0 })
            #expect(view.values(row)[(row + 4)...].allSatisfy { $0 == 0 })
            #expect(matrix.view.row(row)[0] == before[row * 12])
            #expect(matrix.view.row(row)[11] == before[row * 12 + 11])
        }
    }

    @Test(arguments: [[100], [1, 99], [37, 37, 26], [0, 100], [16, 84]])
    func logSumExp_inPieces(_ pieces: [Int]) {
        var random = Seeded(3)
        for scale in [Float(0.01), 1, 30, 1000] {
            var x = random.floats(100, in: -scale...scale)
            let copy = x
            var sum = LogSumExp()
            x.withUnsafeMutableBufferPointer { buffer in
                var start = 0
                for piece in pieces {
                    sum.add(buffer.baseAddress! + start, piece)
                    start += piece
                }
            }
            let largest = Double(copy.max() ?? 0)
            let exact = largest + log(copy.reduce(0.0) { $0 + exp(Double($1) - largest) })
            #expect(abs(sum.value - exact) <= 2e-6 * max(1, abs(exact)))
            #expect(x == copy)
        }
    }
}
