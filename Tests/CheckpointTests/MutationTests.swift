import Checkpoint
import Posix
import TestSupport
import Testing

struct MutationTests {
    private static let whole: [UInt8] = safetensors(
        #"{"__metadata__":{"format":"pt"},"#
            + "\(member("a.b", "F32", "[2,3]", 0, 24)),\(member("c", "BF16", "[]", 24, 26))}   ",
        pattern(26, seed: 1))

    /// No part of a file but the whole is a file.
    @Test func open_whenCutShortAnywhere() throws {
        let scratch = try Scratch()
        for count in 0..<Self.whole.count {
            try scratch.write("x", Array(Self.whole[..<count]))
            #expect(throws: CheckpointError.self) { try SafetensorsFile(scratch["x"]) }
        }
        try scratch.write("x", Self.whole)
        #expect(try SafetensorsFile(scratch["x"]).tensors.count == 2)
    }

    /// Whatever the bytes, the outcome is a reason, or tensors that lie inside the file.
    @Test func open_whenBytesAreWrong() throws {
        let scratch = try Scratch()
        var state: UInt64 = 1
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let likely = Array(#"0123456789[]{}",:.-eE\uF"#.utf8)
        var refused = 0
        for _ in 0..<1500 {
            var bytes = Self.whole
            for _ in 0...random(3) {
                let place = random(bytes.count - 26)
                bytes[place] = random(2) == 0 ? likely[random(likely.count)] : UInt8(random(256))
            }
            try scratch.write("x", bytes)
            do {
                let file = try SafetensorsFile(scratch["x"])
                let total = file.tensors.reduce(0) { $0 + $1.bytes.count }
                #expect(total <= bytes.count - 10)
                for tensor in file.tensors { #expect(tensor.bytes.allSatisfy { $0 < 0x40 }) }
            } catch let error as CheckpointError {
                #expect(!error.description.contains("\n"))
                refused += 1
            }
        }
        #expect(refused > 1000)
    }
}
