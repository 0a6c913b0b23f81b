import Glibc
import TestSupport
import Testing

@testable import Tensors

struct DivergenceTests {
    /// Of softmax(y) from softmax(x), in double precision.
    private func exact(_ x: [Float], _ y: [Float]) -> Double {
        func logs(_ values: [Float]) -> [Double] {
            let largest = Double(values.max() ?? 0)
            let total = values.reduce(0.0) { $0 + exp(Double($1) - largest) }
            return values.map { Double($0) - largest - log(total) }
        }
        return zip(logs(x), logs(y)).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
    }

    private func measured(_ x: [Float], _ y: [Float], piece: Int) -> Double {
        var sum = DivergenceSum()
        var (first, second) = (LogSumExp(), LogSumExp())
        x.withUnsafeBufferPointer { x in
            y.withUnsafeBufferPointer { y in
                for start in stride(from: 0, to: x.count, by: piece) {
                    let count = min(piece, x.count - start)
                    guard let x = x.baseAddress, let y = y.baseAddress else { return }
                    sum.add(x + start, y + start, count)
                    first.add(x + start, count)
                    second.add(y + start, count)
                }
            }
        }
        return sum.value(first, second)
    }

    @Test(arguments: [1, 2, 7, 8, 17, 100, 5000], [Float(0.01), 0.3, 8])
    func agreesWithDouble(_ count: Int, _ distance: Float) {
        var random = Seeded(UInt64(count))
        // Far from 0, where differences of logits lose digits.
        let x = random.floats(count, in: -10...10).map { $0 + 30 }
        let y = zip(x, random.floats(count, in: -1...1)).map { $0 + distance * $1 - 5 }
        let expected = exact(x, y)
        for piece in [1, 3, 8, 64, 5000] {
            let value = measured(x, y, piece: piece)
            #expect(abs(value - expected) < 1e-5 + 1e-5 * expected, "\(piece)")
            #expect(value >= 0)
        }
    }

    /// Rising logits: each piece has a new largest one, and what came before is rescaled.
    @Test func sortedRows_agree() {
        var random = Seeded(5)
        let x = random.floats(300, in: -40...40).sorted()
        let y = random.floats(300, in: -40...40)
        #expect(abs(measured(x, y, piece: 16) / exact(x, y) - 1) < 1e-5)
    }

    @Test func sameRows_areNotApart() {
        var random = Seeded(6)
        let x = random.floats(1000, in: -20...20)
        #expect(measured(x, x, piece: 100) == 0)
        #expect(measured([3], [-8], piece: 1) == 0)
    }

    /// Of equal logits the first is the largest, over pieces too.
    @Test(arguments: [1, 2, 3, 8, 40])
    func largest_isTheFirstOfEqualOnes(_ piece: Int) {
        var x = [Float](repeating: -1, count: 40)
        for index in [13, 14, 37] { x[index] = 2 }
        var sum = LogSumExp()
        var place: Int?
        x.withUnsafeBufferPointer { x in
            guard let start = x.baseAddress else { return }
            for first in stride(from: 0, to: 40, by: piece) {
                if let found = sum.add(start + first, min(piece, 40 - first)) {
                    place = first + found
                }
            }
        }
        #expect(place == 13)
    }
}
