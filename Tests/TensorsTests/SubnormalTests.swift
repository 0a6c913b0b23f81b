import Glibc
import TestSupport
import Testing

@testable import Tensors

/// Products take numbers below 2^-126 for zero, whatever the processor, and nothing else does.
struct SubnormalTests {
    private static let tiny = Float.leastNormalMagnitude

    /// Some numbers near and below the least normal one, and, where `isMixed`, usual ones.
    private func matrix(_ rows: Int, _ columns: Int, isMixed: Bool, seed: UInt64) -> Matrix {
        var random = Seeded(seed)
        let matrix = random.matrix(rows, columns)
        for i in 0..<(rows * columns) where !isMixed || i % 3 == 0 {
            matrix.start[i] *= i % 2 == 0 ? Self.tiny : Self.tiny / 1024
        }
        return matrix
    }

    private func flushed(_ x: Matrix) -> Matrix {
        let result = Matrix(rows: x.rows, columns: x.columns)
        for i in 0..<(x.rows * x.columns) {
            result.start[i] = x.start[i].magnitude < Self.tiny ? 0 : x.start[i]
        }
        return result
    }

    @Test(arguments: ProductInput.supported, [true, false])
    func product_isThatOfZeros(_ input: ProductInput, _ isMixed: Bool) {
        let (m, n, k) = (37, 70, 96)
        let (x, w) = (
            matrix(m, k, isMixed: isMixed, seed: 1), matrix(n, k, isMixed: isMixed, seed: 2)
        )
        let products = Products()
        func product(_ x: Matrix, _ w: Matrix) -> (packed: [UInt32], plain: [UInt32]) {
            let y = Matrix(rows: m, columns: n)
            let layer = Linear(weights: w, bias: nil, input: input)
            layer.apply(products.left(x.view, as: input), into: y.view, using: products)
            let packed = y.view.all.map(\.bitPattern)
            let right = FactorBuffer(count: n * k, as: input).store(w.view)
            products.multiply(
                products.left(x.view, as: input), right, transposed: true, into: y.view)
            return (packed, y.view.all.map(\.bitPattern))
        }
        let found = product(x, w)
        // -0 and 0 are one number.
        func same(_ a: [UInt32], _ b: [UInt32]) -> Bool {
            zip(a, b).allSatisfy { $0 == $1 || ($0 | $1) << 1 == 0 }
        }
        let expected = product(flushed(x), flushed(w))
        #expect(same(found.packed, expected.packed) && same(found.plain, expected.plain))
        for bits in found.packed + found.plain {
            let value = Float(bitPattern: bits)
            #expect(value == 0 || value.magnitude >= Self.tiny)
        }
    }

    @Test func restOfTheThread_keepsSubnormals() {
        let x = matrix(4, 8, isMixed: false, seed: 3)
        let y = Matrix(rows: 4, columns: 4)
        multiply(x.view, x.view, transposed: true, into: y.view, scale: 1)
        #expect(Float.leastNonzeroMagnitude + x.start[0] * 0 > 0)
        #expect((x.start[0] / 2).magnitude > 0)
        var moments = Moments(features: 8)
        moments.add(x.view)
        #expect(moments.squares.allSatisfy { $0 > 0 })
        #expect(moments.sum.allSatisfy { $0 != 0 })
    }

    @Test(arguments: [ElementType.float32, .bfloat16, .float16])
    func subnormalWeights_areCopiedAsTheyAre(_ type: ElementType) {
        // Every number below the least normal one of the type, or many of them.
        let step = type == .float32 ? 4999 : 1
        let bits: [UInt32]
        switch type {
        case .float32: bits = stride(from: 1, to: 0x80_0000, by: step).map { UInt32($0) }
        case .bfloat16: bits = (1..<0x80).map { UInt32($0) << 16 }
        default: bits = (1..<0x400).map { UInt32(Float(Float16(bitPattern: $0)).bitPattern) }
        }
        let values = bits.map { Float(bitPattern: $0) }
        var bytes = [UInt8](repeating: 0, count: values.count * type.size)
        bytes.withUnsafeMutableBytes { bytes in
            encode(values, count: values.count, type, into: bytes)
        }
        var decoded = [Float](repeating: 1, count: values.count)
        bytes.withUnsafeBytes { decode($0, type, into: &decoded, count: values.count) }
        #expect(decoded.map(\.bitPattern) == bits)
    }

    /// Some 30 times slower where the processor has to take care of each.
    @Test(arguments: ProductInput.supported, [true, false])
    func subnormals_costNothing(_ input: ProductInput, _ isMixed: Bool) {
        let (m, n, k) = (128, 256, 256)
        let products = Products()
        let y = Matrix(rows: m, columns: n)
        func seconds(_ x: Matrix, _ w: Matrix) -> Double {
            let layer = Linear(weights: w, bias: nil, input: input)
            return (0..<7).map { _ in
                let start = processorSeconds()
                for _ in 0..<8 {
                    layer.apply(products.left(x.view, as: input), into: y.view, using: products)
                }
                return processorSeconds() - start
            }.min() ?? 0
        }
        var random = Seeded(5)
        let usual = seconds(random.matrix(m, k), random.matrix(n, k))
        let weights = seconds(random.matrix(m, k), matrix(n, k, isMixed: isMixed, seed: 6))
        let inputs = seconds(matrix(m, k, isMixed: isMixed, seed: 7), random.matrix(n, k))
        #expect(weights < 2 * usual, "\(weights) s, not \(usual) s")
        #expect(inputs < 2 * usual, "\(inputs) s, not \(usual) s")
    }

    private func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
