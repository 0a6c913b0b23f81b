import TestSupport
import Testing

@testable import Tensors

struct ChecksumTests {
    @Test(arguments: [0, 1, 31, 32, 33, 64, 100, 1000])
    func add_whateverThePieces(count: Int) {
        var random = Seeded(UInt64(count))
        let bytes = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        var whole = Checksum()
        bytes.withUnsafeBytes { whole.add($0) }
        for _ in 0..<50 {
            var pieces = Checksum()
            var start = 0
            while start < count {
                let end = start + Int.random(in: 0...min(70, count - start), using: &random)
                bytes[start..<end].withUnsafeBytes { pieces.add($0) }
                start = end
            }
            #expect(pieces.text == whole.text)
        }
    }

    @Test func text_tellsBytesAndLengthsApart() {
        var random = Seeded(1)
        var seen: Set<String> = []
        for count in 0..<100 {
            // Zeros behind the end are not the same as the end.
            let zeros = [UInt8](repeating: 0, count: count)
            var checksum = Checksum()
            zeros.withUnsafeBytes { checksum.add($0) }
            #expect(seen.insert(checksum.text).inserted)
            guard count > 0 else { continue }
            var bytes = zeros
            bytes[Int.random(in: 0..<count, using: &random)] = 1
            var other = Checksum()
            bytes.withUnsafeBytes { other.add($0) }
            #expect(seen.insert(other.text).inserted)
        }
    }
}
