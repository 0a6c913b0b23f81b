import Checkpoint
import Posix
import Tensors
import TestSupport
import Testing

struct ExpectationTests {
    private func checkpoint(_ scratch: Scratch) throws -> Checkpoint {
        try scratch.write("config.json", "{}")
        let header = "{\(member("w", "F16", "[2,3]", 0, 12)),\(member("i", "I32", "[1]", 12, 16))}"
        try scratch.write("model.safetensors", safetensors(header, pattern(16, seed: 2)))
        return try Checkpoint(directory: scratch.path)
    }

    @Test func expect_whenThere() throws {
        let scratch = try Scratch()
        #expect(try checkpoint(scratch).expect("w", shape: [2, 3]).bytes.count == 12)
    }

    @Test func expect_whenWrong() throws {
        let scratch = try Scratch()
        let checkpoint = try checkpoint(scratch)
        let file = scratch["model.safetensors"]
        let cases: [(String, [Int], CheckpointError)] = [
            ("x", [1], CheckpointError(file: scratch.path, tensor: "x", reason: .missing)),
            (
                "w", [3, 2],
                CheckpointError(
                    file: file, tensor: "w", reason: .shape(found: [2, 3], expected: [3, 2]))
            ),
            ("i", [1], CheckpointError(file: file, tensor: "i", reason: .notWeights(.int32))),
        ]
        for (name, shape, expected) in cases {
            let error = try #require(throws: CheckpointError.self) {
                try checkpoint.expect(name, shape: shape)
            }
            #expect(error == expected)
            #expect(error.description.contains("tensor \(name)"))
        }
    }

    struct Bad: Sendable {
        let type: ElementType
        let bits: UInt64
        let isFinite: Bool
    }

    static let values = [
        Bad(type: .float32, bits: 0x7F80_0000, isFinite: false),
        Bad(type: .float32, bits: 0xFF80_0000, isFinite: false),
        Bad(type: .float32, bits: 0x7FC0_0001, isFinite: false),
        Bad(type: .float32, bits: 0xFF7F_FFFF, isFinite: true),
        Bad(type: .bfloat16, bits: 0x7F80, isFinite: false),
        Bad(type: .bfloat16, bits: 0xFFC1, isFinite: false),
        Bad(type: .bfloat16, bits: 0xFF7F, isFinite: true),
        Bad(type: .float16, bits: 0xFC00, isFinite: false),
        Bad(type: .float16, bits: 0x7E00, isFinite: false),
        Bad(type: .float16, bits: 0x7BFF, isFinite: true),
    ]

    /// The header's length is odd, so the data is not aligned.
    @Test(
        "fault 38: NaN and infinity are found, and their tensor named", arguments: values,
        [0, 4095, 4096, 8191, 9_999])
    func checkFinite(_ value: Bad, _ index: Int) throws {
        let scratch = try Scratch()
        let size = value.type.size
        var data = pattern(10_000 * size, seed: 3)
        for byte in 0..<size {
            data[index * size + byte] = UInt8(truncatingIfNeeded: value.bits >> (8 * byte))
            // A later one does not matter.
            data[9_999 * size + byte] = UInt8(truncatingIfNeeded: value.bits >> (8 * byte))
        }
        var header = "{\(member("w", value.type.rawValue, "[100,100]", 0, data.count))}"
        if header.utf8.count % 2 == 0 { header += " " }
        try scratch.write("a.safetensors", safetensors(header, data))
        let tensor = try #require(
            try SafetensorsFile(scratch["a.safetensors"]).tensor(named: "w"))
        guard !value.isFinite else { return try tensor.checkFinite() }
        let error = try #require(throws: CheckpointError.self) { try tensor.checkFinite() }
        #expect(error.reason == .nonFinite(index: index, shape: [100, 100]))
        #expect(
            error.description.contains("w: NaN or infinity at [\(index / 100), \(index % 100)]"))
    }
}
