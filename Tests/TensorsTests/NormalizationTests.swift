import Glibc
import Tensors
import TestSupport
import Testing

struct NormalizationTests {
    private static let widths = [1, 2, 7, 15, 16, 17, 33, 64, 160]

    @Test(arguments: widths, [Float(1e-6), 1e-5])
    func rms_agreesWithDouble(_ width: Int, _ epsilon: Float) {
        var random = Seeded(UInt64(width))
        let x = random.matrix(3, width, in: -4...4)
        let weight = random.floats(width)
        let y = Matrix(rows: 3, columns: width)
        rmsNormalize(x.view, weight: weight, epsilon: epsilon, into: y.view)
        for row in 0..<3 {
            let values = x.view.values(row).map { Double($0) }
            let power = values.reduce(0) { $0 + $1 * $1 } / Double(width)
            for j in 0..<width {
                let exact =
                    values[j] / (power + Double(epsilon)).squareRoot() * Double(weight[j])
                #expect(abs(Double(y.view.row(row)[j]) - exact) <= 1e-6 * abs(exact))
            }
        }
    }

    @Test(arguments: widths, [Float(0), 1000])
    func layer_agreesWithDouble(_ width: Int, _ offset: Float) {
        var random = Seeded(UInt64(width))
        let x = random.matrix(3, width, in: (offset - 4)...(offset + 4))
        let weight = random.floats(width)
        let bias = random.floats(width)
        // The mean is rounded to float32, which shows where it is large.
        let tolerance = offset == 0 ? 2e-6 : 2e-3
        for isAffine in [true, false] {
            let y = Matrix(rows: 3, columns: width)
            layerNormalize(
                x.view, weight: isAffine ? weight : nil, bias: isAffine ? bias : nil,
                epsilon: 1e-5, into: y.view)
            for row in 0..<3 {
                let values = x.view.values(row).map { Double($0) }
                let mean = values.reduce(0, +) / Double(width)
                let variance =
                    values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
                for j in 0..<width {
                    var exact = (values[j] - mean) / (variance + 1e-5).squareRoot()
                    if isAffine { exact = exact * Double(weight[j]) + Double(bias[j]) }
                    let found = Double(y.view.row(row)[j])
                    // One column has no variance: all that is left is the rounding of its mean.
                    #expect(abs(found - exact) <= tolerance * max(1, abs(exact)))
                }
            }
        }
    }

    @Test func inPlace_givesTheSame() {
        var random = Seeded(9)
        let x = random.matrix(4, 50)
        let weight = random.floats(50)
        let y = Matrix(rows: 4, columns: 50)
        rmsNormalize(x.view, weight: weight, epsilon: 1e-6, into: y.view)
        let z = Matrix(rows: 4, columns: 50)
        layerNormalize(x.view, weight: weight, bias: nil, epsilon: 1e-6, into: z.view)
        let copy = Matrix(rows: 4, columns: 50)
        copy.copy(from: x)
        layerNormalize(copy.view, weight: weight, bias: nil, epsilon: 1e-6, into: copy.view)
        rmsNormalize(x.view, weight: weight, epsilon: 1e-6, into: x.view)
        #expect(x.view.all == y.view.all)
        #expect(copy.view.all == z.view.all)
    }

    /// Element i of a head turns with element i + frequencies; what is beyond stays.
    @Test(arguments: [(16, 8), (16, 4), (2, 1), (24, 12)])
    func rotary_turnsPairs(_ dimension: Int, _ frequencies: Int) {
        var random = Seeded(4)
        let inverse = (0..<frequencies).map { powf(10000, -Float($0) / Float(frequencies)) }
        let table = RotaryTable(positions: 50, inverseFrequencies: inverse)
        let x = random.matrix(50, 3 * dimension)
        let before = x.view.all
        table.apply(x.view, headDimension: dimension)
        for position in 0..<50 {
            for head in 0..<3 {
                let start = position * 3 * dimension + head * dimension
                for i in 0..<frequencies {
                    let angle = Double(Float(position) * inverse[i])
                    let a = Double(before[start + i])
                    let b = Double(before[start + i + frequencies])
                    let low = Double(x.start[start + i])
                    let high = Double(x.start[start + i + frequencies])
                    #expect(abs(low - (a * cos(angle) - b * sin(angle))) < 3e-7)
                    #expect(abs(high - (b * cos(angle) + a * sin(angle))) < 3e-7)
                }
                for i in (2 * frequencies)..<max(2 * frequencies, dimension) {
                    #expect(x.start[start + i] == before[start + i])
                }
            }
        }
        #expect(Array(x.view.all[..<(3 * dimension)]) == Array(before[..<(3 * dimension)]))
    }
}
