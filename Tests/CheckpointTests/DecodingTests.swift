import Checkpoint
import Documents
import Glibc
import Posix
import Tensors
import TestSupport
import Testing

/// FP8 with scales and MXFP4, read as bfloat16.
struct DecodingTests {
    private static let float8 =
        #"{"quantization_config": {"quant_method": "fp8", "weight_block_size": [16, 16]}}"#
    private static let mxfp4 = #"{"a": 1, "quantization_config": {"quant_method": "mxfp4"}}"#

    /// Bits of bfloat16; every NaN is the same.
    private static func bits(_ bytes: [UInt8]) -> [UInt16] {
        bytes.withUnsafeBytes { bytes in
            bytes.bindMemory(to: UInt16.self).map { $0 & 0x7FFF > 0x7F80 ? 0x7FC0 : $0 }
        }
    }

    @Test(arguments: [("fp8", float8), ("mxfp4", mxfp4)])
    func read_isWhatPyTorchReads(_ name: String, _ config: String) throws {
        let scratch = try Scratch()
        let found = try Checkpoint(
            directory: TorchFileTests.directory(
                scratch, [("model.safetensors", "\(name).safetensors")], config: config))
        let expected = try SafetensorsFile(
            joined(TorchFileTests.fixtures, "\(name).expected.safetensors"))
        #expect(Set(found.tensorNames) == Set(expected.tensors.map(\.name)))
        for tensor in expected.tensors {
            let other = try #require(found.tensor(named: tensor.name))
            #expect(other.info == tensor.info)
            if tensor.type != .bfloat16 {
                #expect(other.bytes == tensor.bytes)
                continue
            }
            let whole = Self.bits(tensor.bytes)
            #expect(Self.bits(other.bytes) == whole, "\(tensor.name)")
            // Any part, within rows and across them.
            for start in stride(from: 0, to: tensor.count, by: 37) {
                for length in [0, 1, 3, 16, 41, 700] {
                    let end = min(start + length, tensor.count)
                    #expect(
                        Self.bits(other.bytes(2 * start..<2 * end)) == Array(whole[start..<end]),
                        "\(tensor.name) \(start) \(end)")
                }
            }
        }
        #expect(found.warnings.count == 1 && found.warnings[0].contains("bfloat16"))
        #expect(found.config["quantization_config"] == nil)
        #expect(found.storedConfig["quantization_config"] != nil)
    }

    /// Scales and what says that they are there stay behind.
    @Test func write_isPlain() throws {
        let scratch = try Scratch()
        let source = try Checkpoint(
            directory: TorchFileTests.directory(
                scratch, [("model.safetensors", "mxfp4.safetensors")], config: Self.mxfp4))
        mkdir(scratch["out"], 0o755)
        let writer = try CheckpointWriter(
            CheckpointLayout(source, edits: [], checked: []), into: Directory(scratch["out"]),
            config: source.config)
        try writer.finish()
        let result = try Checkpoint(directory: scratch["out"])
        #expect(result.warnings.isEmpty)
        #expect(try scratch.text("out/config.json") == "{\n  \"a\": 1\n}\n")
        for tensor in source.tensors {
            #expect(result.tensor(named: tensor.name)?.bytes == tensor.bytes)
        }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let tensors: [(String, ElementType, [Int])]
        let words: String
        var config = #"{"quantization_config": {"quant_method": "fp8"}}"#
        var testDescription: String { words }
    }

    private static let wrong = [
        Case(tensors: [("a.weight", .float8E4M3, [4, 4])], words: "without a.weight_scale_inv"),
        Case(
            tensors: [
                ("a.weight", .float8E4M3, [4, 4]), ("a.weight_scale_inv", .float32, [3, 4]),
            ], words: "are no blocks of [4, 4]"),
        Case(
            tensors: [
                ("a.weight", .float8E4M3, [4, 4]), ("a.weight_scale_inv", .float32, [4]),
            ], words: "are no blocks"),
        Case(
            tensors: [
                ("a.weight", .float8E4M3, [4, 4]), ("a.weight_scale_inv", .float32, [0, 4]),
            ], words: "are no blocks"),
        Case(
            tensors: [
                ("a.weight", .float8E5M2, [2, 4, 4]), ("a.weight_scale_inv", .float32, [4, 1, 1]),
            ], words: "are no blocks"),
        Case(
            tensors: [
                ("a.weight", .float8E4M3, [4, 4]), ("a.weight_scale_inv", .int32, [1, 1]),
            ], words: "expected scales in F32 or BF16"),
        Case(
            tensors: [("a.weight", .int8, [4, 4]), ("a.weight_scale_inv", .float32, [1, 1])],
            words: "belongs to a quantised layer"),
        Case(
            tensors: [("e_blocks", .uint8, [2, 4, 1, 16]), ("e_scales", .uint8, [2, 4, 2])],
            words: "expected U8 [experts, rows, blocks, 16]"),
        Case(
            tensors: [("e_blocks", .uint8, [4, 1, 16]), ("e_scales", .uint8, [4, 1])],
            words: "expected U8 [experts"),
        Case(
            tensors: [
                ("e_blocks", .uint8, [2, 4, 1, 16]), ("e_scales", .uint8, [2, 4, 1]),
                ("e", .float32, [1]),
            ], words: "named twice"),
    ]

    @Test(arguments: wrong)
    func read_whenScalesDoNotFit(_ wrong: Case) throws {
        let scratch = try Scratch()
        try scratch.write("config.json", wrong.config)
        try SafetensorsFile.write(
            scratch["model.safetensors"],
            tensors: wrong.tensors.map { name, type, shape in
                (name, type, shape, pattern(shape.reduce(type.size, *), seed: 3))
            })
        let error = try #require(throws: CheckpointError.self) {
            try Checkpoint(directory: scratch.path)
        }
        #expect(error.description.contains(wrong.words), "\(error)")
        #expect(error.exitCode == .data && error.tensor != nil)
    }

    /// Without scales, and without settings that say what it is, nothing is known of it.
    @Test func read_whenNothingSaysWhatItIs() throws {
        let scratch = try Scratch()
        try scratch.write("config.json", "{}")
        try SafetensorsFile.write(
            scratch["model.safetensors"],
            tensors: [("a.weight", .float8E4M3, [4], [0x7F, 1, 2, 3])])
        let tensor = try #require(Checkpoint(directory: scratch.path).tensors.first)
        #expect(tensor.type == .float8E4M3 && tensor.bytes == [0x7F, 1, 2, 3])
    }
}
