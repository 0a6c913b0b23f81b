import Synchronization
import Tensors
import TestSupport
import Testing

/// Loops of the pool over rows.
struct RowLoopTests {
    @Test(arguments: [0, 1, 63, 64, 65, 1000], [1, 3])
    func chunks_areTheRowsOnce(_ rows: Int, _ threads: Int) throws {
        let seen = Mutex([Range<Int>]())
        try WorkerPool(width: threads).forEachChunk(ofRows: rows, by: 64) { range in
            seen.withLock { $0.append(range) }
        }
        let ranges = seen.withLock { $0 }.sorted { $0.lowerBound < $1.lowerBound }
        #expect(ranges.flatMap { Array($0) } == Array(0..<rows))
        #expect(ranges.dropLast().allSatisfy { $0.count == 64 })
    }

    @Test(arguments: [0, 1, 3, 64, 1000], [1, 2, 5])
    func elements_areThoseOfTheRows(_ rows: Int, _ threads: Int) throws {
        let width = 3
        var values = [Int](repeating: -1, count: rows * width)
        try WorkerPool(width: threads).forEachChunk(
            ofRows: rows, by: 7, writing: &values, state: { 0 }
        ) { range, part, calls in
            calls += 1
            #expect(part.count == range.count * width)
            for index in part.indices { part[index] = range.lowerBound * width + index }
        }
        #expect(values == Array(0..<(rows * width)))
    }

    struct Failure: Error {}

    @Test func errors_areThrown() {
        var values = [0, 0, 0, 0]
        #expect(throws: Failure.self) {
            try WorkerPool(width: 2).forEachChunk(ofRows: 4, by: 1, writing: &values) { rows, _ in
                if rows.lowerBound == 2 { throw Failure() }
            }
        }
    }

    /// Sums that rounding makes depend on the order are the same bits for any number of threads.
    @Test(arguments: [1, 2, 4])
    func sums_areInOrder(_ threads: Int) throws {
        var random = Seeded(17)
        let x = random.matrix(1000, 5, in: -1e6...1e6)
        @Sendable func part(_ rows: Range<Int>) -> [Double] {
            var sums = [Double](repeating: 0, count: 5)
            addSquares(x.rows(rows), to: &sums)
            return sums.map { $0.squareRoot() }
        }
        let zero = [Double](repeating: 0, count: 5)
        let found = try WorkerPool(width: threads).sum(
            ofRows: 1000, by: 64, from: zero, add: addElements, { part($0) })
        var expected = zero
        for start in stride(from: 0, to: 1000, by: 64) {
            addElements(&expected, part(start..<min(start + 64, 1000)))
        }
        #expect(found == expected)
        #expect(found != zero)
    }

    @Test(arguments: [true, false])
    func copyWeights_keepsTheOthersAway(_ marked: Bool) {
        let weights = Matrix([[1, -2, 3], [4, 5, -6]])
        let target = Matrix(rows: 2, columns: 3)
        // Of a layer with a row before these.
        let mask: [UInt8] = [1, 1, 1, 0, 1, 0, 1, 0, 0]
        copyWeights(weights.view, marked: marked, from: 1, mask: mask, into: target.view)
        #expect(target.view.all == (marked ? [0, -2, 0, 4, 0, 0] : [1, 0, 3, 0, 5, -6]))
    }

    /// A matrix of bytes that have no room between rows, into a part that has.
    @Test(arguments: [ElementType.float32, .bfloat16, .float16])
    func weights_comeBackFromTheirBytes(_ type: ElementType) {
        let values = Matrix([[1, -2, 0.5], [4, 5, -6]])
        let buffer = Buffer<UInt8>(count: 6 * type.size)
        encode(values, 0..<6, type, into: buffer)
        let wide = Matrix(rows: 2, columns: 5)
        let part = wide.view.part(rows: 0..<2, columns: 1..<4)
        buffer.withBytes(ofFirst: 6 * type.size) { bytes in
            decode(bytes, type, into: part)
            #expect(decode(bytes, type) == values.view.all)
        }
        #expect(wide.view.all == [0, 1, -2, 0.5, 0, 0, 4, 5, -6, 0])
        encode(values, 3..<5, type, into: buffer)
        let some = buffer.withBytes(ofFirst: 2 * type.size) { decode($0, type) }
        #expect(some == [4, 5])
    }
}
