import Checkpoint
import Documents
import Glibc
import Posix
import TestSupport
import Testing

/// Weights under other names than the plain ones.
struct WeightFormTests {
    private static func file(_ tensor: String, seed: UInt8) -> [UInt8] {
        safetensors("{\(member(tensor, "U8", "[4]", 0, 4))}", pattern(4, seed: seed))
    }

    private static let index = #"{"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}"#

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let files: [(String, [UInt8])]
        /// Tensors, with what an output's files are called.
        let tensors: [String]
        let output: [String]

        init(
            _ name: String, _ files: [(String, [UInt8])], _ tensors: [String] = ["a", "b"],
            _ output: [String] = WeightFormTests.two
        ) {
            testDescription = name
            self.files = files
            self.tensors = tensors
            self.output = output
        }
    }

    private static let two = [
        "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
    ]
    private static let (a, b, c) = (
        file("a", seed: 1), file("b", seed: 2), file("c", seed: 3)
    )

    private static let cases = [
        Case("variant", [("model.fp16.safetensors", a)], ["a"], ["model.safetensors"]),
        Case(
            "plain before a variant",
            [("model.fp16.safetensors", a), ("model.safetensors", c)], ["c"],
            ["model.safetensors"]),
        Case(
            "safetensors before PyTorch's",
            [("pytorch_model.bin", [1, 2, 3]), ("model.safetensors", c)], ["c"],
            ["model.safetensors"]),
        Case(
            "PyTorch's variant",
            [
                (
                    "pytorch_model.bf16.bin",
                    StoredZip(
                        pickle: PickleText.of(PickleText.tensor()),
                        storages: [("0", pattern(8, seed: 1))]
                    ).bytes
                )
            ], ["w"], ["model.safetensors"]),
        Case(
            "index of a variant",
            [
                ("model.safetensors.index.fp16.json", Array(index.utf8)), ("one.safetensors", a),
                ("two.safetensors", b),
            ]),
        Case(
            "plain index keeps names",
            [
                ("model.safetensors.index.json", Array(index.utf8)), ("one.safetensors", a),
                ("two.safetensors", b),
            ], ["a", "b"],
            ["model.safetensors.index.json", "one.safetensors", "two.safetensors"]),
        Case(
            "shards without an index",
            [
                ("model-00002-of-00002.safetensors", b), ("model-00001-of-00002.safetensors", a),
            ]),
        Case(
            "shards of a variant",
            [
                ("model.fp16-00001-of-00002.safetensors", a),
                ("model.fp16-00002-of-00002.safetensors", b),
            ]),
        Case(
            "shards of a variant, behind",
            [
                ("model-00001-of-00002.fp16.safetensors", a),
                ("model-00002-of-00002.fp16.safetensors", b),
            ]),
    ]

    @Test(arguments: cases)
    func read_findsThem(_ form: Case) throws {
        let scratch = try Scratch()
        try scratch.write("m/config.json", "{}")
        for (name, bytes) in form.files { try scratch.write("m/\(name)", bytes) }
        let source = try Checkpoint(directory: scratch["m"])
        #expect(source.tensorNames.sorted() == form.tensors)
        mkdir(scratch["out"], 0o755)
        try CheckpointWriter(
            CheckpointLayout(source, edits: []), into: Directory(scratch["out"]), config: nil
        ).finish()
        #expect(try scratch.files("out") == (form.output + ["config.json"]).sorted())
        let result = try Checkpoint(directory: scratch["out"])
        #expect(result.tensorNames.sorted() == form.tensors)
        for tensor in source.tensors {
            #expect(result.tensor(named: tensor.name)?.bytes == tensor.bytes)
        }
    }

    @Test func read_whenShardsWithoutAnIndexRepeatATensor() throws {
        let scratch = try Scratch()
        try scratch.write("config.json", "{}")
        for number in 1...2 {
            try scratch.write("model-0000\(number)-of-00002.safetensors", Self.a)
        }
        let error = try #require(throws: CheckpointError.self) {
            try Checkpoint(directory: scratch.path)
        }
        #expect(error.tensor == "a" && error.exitCode == .data)
    }
}
