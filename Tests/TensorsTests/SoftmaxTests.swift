import Glibc
import TestSupport
import Testing

@testable import Tensors

struct SoftmaxTests {
    /// softmax(x) of one row, whose elements arrive in pieces of so many: read off the weighted sum
    /// of the rows of a unit matrix.
    /// - Parameter sink: the score of a key without a value, before all others.
    private func softmaxed(
        _ x: [Float], piece: Int = 1 << 30, sink: Float? = nil
    ) -> [Float] {
        let softmax = OnlineSoftmax(rows: 1)
        softmax.reset(rows: 1)
        if let sink { softmax.begin(0..<1, with: sink) }
        let output = Matrix(rows: 1, columns: x.count)
        for start in stride(from: 0, to: x.count, by: min(piece, x.count)) {
            let end = min(x.count, start + min(piece, x.count))
            let scores = Matrix([Array(x[start..<end])])
            let weights = softmax.absorb(
                scores.view, scale: 1, into: output.view, as: .float32
            ) { _ in 0..<(end - start) }
            #expect(weights.rows == 1 && weights.columns == end - start)
            for j in start..<end { output.start[j] += scores.start[j - start] }
        }
        return output.view.all.map { $0 * softmax.normalizer(0) }
    }

    /// Of [0, x] the second is e^x / (1 + e^x). Its argument is rounded once, and the error grows
    /// with it.
    @Test func exponential_isWithinItsArgumentsRounding() {
        for x in stride(from: Float(-87), through: 0, by: 0.0007) {
            let exact = exp(Double(x)) / (1 + exp(Double(x)))
            let error = abs(Double(softmaxed([0, x])[1]) / exact - 1)
            #expect(error < 3e-7 + 1.2e-7 * Double(-x), "\(x)")
        }
    }

    /// A sink below, among and above the scores takes its share of every row, and adds nothing.
    @Test(arguments: [-90, -3.5, 0, 7, 40] as [Float], [1, 7, 40])
    func sink_takesItsShare(_ sink: Float, _ piece: Int) {
        var random = Seeded(41)
        let x = random.floats(40, in: -5...5)
        let whole = softmaxed([sink] + x)
        for (found, wanted) in zip(softmaxed(x, piece: piece, sink: sink), whole.dropFirst()) {
            #expect(abs(found - wanted) <= 2e-6 * wanted + 1e-37, "\(found), not \(wanted)")
        }
    }

    @Test func extremes_areZeroOrOne() {
        let none = Float(0x1p-126)
        #expect(softmaxed([0, -.infinity]) == [1, none])
        #expect(softmaxed([1e30, 0, -1e30]) == [1, none, none])
        #expect(softmaxed([-1e30]) == [1])
        #expect(softmaxed([5, 5, 5, 5]) == [0.25, 0.25, 0.25, 0.25])
        #expect(softmaxed([0, -88, -90, -1e9]) == [1, none, none, none])
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
            #expect(abs(Double(y) / exact - 1) < 6e-6)
        }
        #expect(abs(y.reduce(0) { $0 + Double($1) } - 1) < 1e-6)
    }

    @Test(arguments: [1, 7, 16, 33, 100])
    func pieces_agreeWithTheWhole(_ piece: Int) {
        var random = Seeded(UInt64(piece))
        for x in [random.floats(100, in: -20...20), random.floats(100, in: -20...20).sorted()] {
            for (found, exact) in zip(softmaxed(x, piece: piece), softmaxed(x)) {
                #expect(abs(found - exact) <= 1.2e-5 * exact)
            }
        }
    }

    /// Each row keeps a range of its own; a row that has seen nothing yet waits for its first key.
    @Test(arguments: ProductInput.supported)
    func ranges_zeroTheRest(_ input: ProductInput) {
        var random = Seeded(2)
        let scores = random.matrix(5, 10)
        let before = scores.view.all
        let softmax = OnlineSoftmax(rows: 5)
        softmax.reset(rows: 5)
        let output = random.matrix(5, 3)
        let held = input == .bfloat16 ? FactorBuffer(count: 50, as: input) : nil
        // Read off a product with the unit matrix, which is exact.
        let unit = Matrix((0..<10).map { i in (0..<10).map { $0 == i ? 1 : 0 } })
        let right = FactorBuffer(count: 100, as: input).store(unit.view)
        let weights = Matrix(rows: 5, columns: 10)
        for row in 0..<2 {
            for i in before.indices { scores.start[i] = before[i] }
            let factor = softmax.absorb(
                scores.view, scale: 0.5, into: output.view, as: input, in: held
            ) { index in row == 0 && index == 4 ? 0..<0 : index..<(index + 4) }
            #expect(factor.isBfloat16 == (held != nil))
            Products().multiply(factor, right, transposed: false, into: weights.view)
        }
        for row in 0..<5 {
            let kept = before[(row * 10 + row)..<(row * 10 + row + 4)].map { Double($0) * 0.5 }
            let largest = kept.max() ?? 0
            let total = kept.reduce(0) { $0 + exp($1 - largest) }
            // Seen twice, but the last row, which was left out once.
            let times = row == 4 ? 1.0 : 2.0
            #expect(abs(Double(softmax.normalizer(row)) * total * times - 1) < 1e-6)
            for j in 0..<10 {
                let found = weights.view[row, j]
                let exact =
                    (row..<(row + 4)).contains(j) ? exp(kept[j - row] - largest) : 0
                #expect(abs(Double(found) - exact) <= exact * (input == .float32 ? 1e-6 : 0.004))
            }
        }
    }

    @Test(arguments: [[100], [1, 99], [37, 37, 26], [0, 100], [16, 84]])
    func logSumExp_inPieces(_ pieces: [Int]) {
        var random = Seeded(3)
        for scale in [Float(0.01), 1, 30, 1000] {
            let x = random.floats(100, in: -scale...scale)
            var sum = LogSumExp()
            x.withUnsafeBufferPointer { buffer in
                var start = 0
                for piece in pieces {
                    sum.add(buffer.baseAddress! + start, piece)
                    start += piece
                }
            }
            let largest = Double(x.max() ?? 0)
            let exact = largest + log(x.reduce(0.0) { $0 + exp(Double($1) - largest) })
            #expect(abs(sum.value - exact) <= 2e-6 * max(1, abs(exact)))
        }
    }
}
