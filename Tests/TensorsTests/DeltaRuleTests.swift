import Glibc
import Tensors
import TestSupport
import Testing

/// The gated delta rule and its convolution against their definitions in double precision.
struct DeltaRuleTests {
    /// One key head's sizes, a kernel and a length: heads that fill no vector, one, and several;
    /// lengths around the pieces in which a sequence is taken.
    static let cases = [
        (10, 12, 2, 4, 1), (16, 8, 1, 1, 64), (8, 40, 3, 2, 65), (24, 64, 1, 4, 150),
        (3, 1, 2, 3, 130),
    ]

    private struct Sequence {
        let shape: DeltaRule.Shape
        let columns: DeltaRule.Columns
        let convolution: CausalConvolution
        let weights: [Float]
        let kernel: Int
        let x: Matrix
        let decays: Matrix
        let rates: Matrix

        init(_ sizes: (Int, Int, Int, Int, Int)) {
            let (keys, values, heads, kernel, length) = sizes
            self.kernel = kernel
            shape = DeltaRule.Shape(
                keyDimension: keys, valueDimension: values, valueHeads: heads)
            // Something else stands between what belongs to the head.
            let (q, k) = (2..<(2 + keys), (3 + keys)..<(3 + 2 * keys))
            let v = (5 + 2 * keys)..<(5 + 2 * keys + heads * values)
            columns = DeltaRule.Columns(queries: q, keys: k, values: v)
            let channels = v.upperBound + 1
            var seeded = Seeded(UInt64(length))
            weights = (0..<(channels * kernel)).map { _ in seeded.float(in: -1...1) }
            convolution = CausalConvolution(weights: weights, bias: nil, channels: channels)
            x = Matrix(rows: kernel - 1 + length, columns: channels)
            for row in (kernel - 1)..<x.rows {
                for column in 0..<channels { x.view[row, column] = seeded.float(in: -1...1) }
            }
            decays = Matrix(rows: length, columns: heads)
            rates = Matrix(rows: length, columns: heads)
            for row in 0..<length {
                for column in 0..<heads {
                    decays.view[row, column] = 0.9 + 0.1 * abs(seeded.float(in: -1...1))
                    rates.view[row, column] = abs(seeded.float(in: -1...1))
                }
            }
        }

        /// Some columns behind convolution and nonlinearity.
        func mixed(_ position: Int, _ range: Range<Int>) -> [Double] {
            range.map { channel in
                let sum = (0..<kernel).reduce(0.0) { sum, place in
                    sum + Double(weights[channel * kernel + place])
                        * Double(x.view[position + place, channel])
                }
                return sum / (1 + exp(-sum))
            }
        }

        /// `[length][heads * values]`
        func expected() -> [[Double]] {
            let inputs = (0..<decays.rows).map {
                (
                    q: Self.unit(mixed($0, columns.queries)), k: Self.unit(mixed($0, columns.keys)),
                    v: mixed($0, columns.values)
                )
            }
            var state = [[[Double]]](
                repeating: [[Double]](
                    repeating: [Double](repeating: 0, count: shape.valueDimension),
                    count: shape.keyDimension), count: shape.valueHeads)
            return inputs.enumerated().map { position, input in
                (0..<shape.valueHeads).flatMap { head in
                    (0..<shape.valueDimension).map { column in
                        for i in input.k.indices {
                            state[head][i][column] *= Double(decays.view[position, head])
                        }
                        let known = input.k.indices.reduce(0.0) {
                            $0 + state[head][$1][column] * input.k[$1]
                        }
                        let value = input.v[head * shape.valueDimension + column]
                        let change = Double(rates.view[position, head]) * (value - known)
                        for i in input.k.indices { state[head][i][column] += input.k[i] * change }
                        let sum = input.q.indices.reduce(0.0) {
                            $0 + state[head][$1][column] * input.q[$1]
                        }
                        return sum / Double(shape.keyDimension).squareRoot()
                    }
                }
            }
        }

        private static func unit(_ x: [Double]) -> [Double] {
            let length = (x.reduce(0) { $0 + $1 * $1 } + 1e-6).squareRoot()
            return x.map { $0 / length }
        }

        func run(length: Int? = nil) {
            let rows = 0..<(length ?? decays.rows)
            let heads = 0..<shape.valueHeads
            DeltaRule(shape).run(
                x.rows(0..<(kernel - 1 + rows.count)), columns,
                decays: decays.view.part(rows: rows, columns: heads),
                rates: rates.view.part(rows: rows, columns: heads), convolution: convolution,
                activation: .silu)
        }
    }

    @Test(arguments: cases)
    func agreesWithDouble(_ sizes: (Int, Int, Int, Int, Int)) {
        let sequence = Sequence(sizes)
        let expected = sequence.expected()
        let largest = expected.joined().map(abs).max() ?? 0
        let others = Set(0..<sequence.x.columns).subtracting(sequence.columns.values)
        let before = sequence.x.selecting(columns: others.sorted()).view.all
        sequence.run()
        for (position, row) in expected.enumerated() {
            for (column, value) in row.enumerated() {
                let found = sequence.x.view[
                    position, sequence.columns.values.lowerBound + column]
                #expect(abs(Double(found) - value) < 2e-5 * largest, "\(position), \(column)")
            }
        }
        #expect(sequence.x.selecting(columns: others.sorted()).view.all == before)
    }

    /// What comes later changes nothing of what was before, to the last bit.
    @Test func shorterSequence_isTheSame() {
        let (long, short) = (Sequence(Self.cases[3]), Sequence(Self.cases[3]))
        long.run()
        short.run(length: 70)
        let columns = long.columns.values
        #expect(
            long.x.view.part(rows: 0..<70, columns: columns).all
                == short.x.view.part(rows: 0..<70, columns: columns).all)
    }

    @Test func convolution_addsItsBias() {
        let convolution = CausalConvolution(
            weights: [1, 2, 3, 10, 20, 30], bias: [100, 1000], channels: 2)
        let x = Matrix([[0, 0], [0, 0], [1, 1], [2, 3], [4, 5]])
        let y = Matrix(rows: 3, columns: 2)
        convolution.apply(x.view, channels: 0..<2, into: y.view)
        #expect(y.view.all == [103, 1030, 108, 1110, 117, 1220])
        let second = Matrix(rows: 3, columns: 1)
        convolution.apply(
            x.view.part(rows: 0..<5, columns: 1..<2), channels: 1..<2, into: second.view)
        #expect(second.view.all == [1030, 1110, 1220])
    }

    /// Beyond 20 the logarithm of 1 + e^x is x.
    @Test func decay_agreesWithDouble() {
        let x = Matrix([[-30, -1, 0, 0.5, 19, 21, 80]])
        let speeds: [Float] = [1, 2, 0.5, 3, 0.01, 0.02, 5]
        let values = x.view.all
        decay(x.view, speeds: speeds, biases: [Float](repeating: 0.25, count: 7))
        for (j, found) in x.view.all.enumerated() {
            let exact = exp(-Double(speeds[j]) * log1p(exp(Double(values[j]) + 0.25)))
            #expect(abs(Double(found) - exact) < 1e-6)
        }
    }
}
