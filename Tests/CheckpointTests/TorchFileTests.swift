import Checkpoint
import Glibc
import Posix
import Tensors
import TestSupport
import Testing

/// `pytorch_model.bin`.
struct TorchFileTests {
    static let fixtures = sourcePath("Tests/CheckpointTests/Fixtures")

    /// - Returns: a model directory of these files; those without bytes come from the fixtures.
    static func directory(
        _ scratch: Scratch, _ files: [(name: String, from: String)], config: String = "{}"
    ) throws -> String {
        try scratch.write("m/config.json", config)
        for (name, from) in files {
            try scratch.write("m/\(name)", readFile(joined(fixtures, from)))
        }
        return scratch["m"]
    }

    private static let index = #"{"weight_map": {"a": "x.bin", "b": "y.bin"}}"#

    @Test func read_isWhatPyTorchReads() throws {
        let scratch = try Scratch()
        let found = try Checkpoint(
            directory: Self.directory(scratch, [("pytorch_model.bin", "plain.bin")]))
        let expected = try SafetensorsFile(joined(Self.fixtures, "plain.safetensors"))
        #expect(Set(found.tensorNames) == Set(expected.tensors.map(\.name)))
        #expect(found.tensors.count == expected.tensors.count && found.tensors.count > 25)
        for tensor in expected.tensors {
            let other = try #require(found.tensor(named: tensor.name))
            #expect(other.info == tensor.info)
            #expect(other.bytes == tensor.bytes, "\(tensor.name)")
            // Any part of it is the same.
            let size = tensor.type.size
            for start in 0..<min(tensor.count, 12) {
                for end in start...tensor.count {
                    let part = start * size..<end * size
                    #expect(other.bytes(part) == Array(tensor.bytes[part]), "\(tensor.name)")
                }
            }
        }
        // Without BINPUT, and with globals from the stack.
        let later = try Checkpoint(
            directory: Self.directory(scratch, [("pytorch_model.bin", "protocol4.bin")]))
        #expect(later.tensors.count == 4)
        for tensor in later.tensors {
            #expect(tensor.bytes == expected.tensor(named: tensor.name)?.bytes)
        }
    }

    /// What is shared in the file is written twice, what is turned around row by row.
    @Test func write_isSafetensors() throws {
        let scratch = try Scratch()
        let source = try Checkpoint(
            directory: Self.directory(scratch, [("pytorch_model.bin", "plain.bin")]))
        mkdir(scratch["out"], 0o755)
        let layout = try CheckpointLayout(source, edits: [])
        try CheckpointWriter(layout, into: Directory(scratch["out"]), config: nil).finish()
        #expect(try scratch.files("out") == ["config.json", "model.safetensors"])
        #expect(layout.companions.skipped.isEmpty)
        let result = try Checkpoint(directory: scratch["out"])
        for tensor in source.tensors {
            let other = try #require(result.tensor(named: tensor.name))
            #expect(other.info == tensor.info && other.bytes == tensor.bytes)
        }
    }

    @Test(arguments: [false, true])
    func read_shardsOfAnIndex(_ isLarge: Bool) throws {
        let scratch = try Scratch()
        try scratch.write("m/config.json", "{}")
        for (index, name) in ["a", "b"].enumerated() {
            var zip = StoredZip(
                pickle: PickleText.dictionary([(name, PickleText.tensor())]),
                storages: [("0", pattern(8, seed: UInt8(index)))])
            zip.isLarge = isLarge
            try scratch.write("m/\(["x", "y"][index]).bin", zip.bytes)
        }
        try scratch.write("m/pytorch_model.bin.index.json", Self.index)
        let source = try Checkpoint(directory: scratch["m"])
        #expect(source.tensorNames == ["a", "b"])
        #expect(source.tensor(named: "b")?.bytes == pattern(8, seed: 1))
        mkdir(scratch["out"], 0o755)
        try CheckpointWriter(
            CheckpointLayout(source, edits: []), into: Directory(scratch["out"]), config: nil
        ).finish()
        #expect(
            try scratch.files("out") == [
                "config.json", "model-00001-of-00002.safetensors",
                "model-00002-of-00002.safetensors", "model.safetensors.index.json",
            ])
        #expect(try Checkpoint(directory: scratch["out"]).tensorNames == ["a", "b"])
    }

    /// - Returns: the error that a file is refused with.
    private func failure(_ bytes: [UInt8]) throws -> CheckpointError {
        let scratch = try Scratch()
        try scratch.write("config.json", "{}")
        try scratch.write("pytorch_model.bin", bytes)
        let error = try #require(throws: CheckpointError.self) {
            try Checkpoint(directory: scratch.path)
        }
        #expect(error.exitCode == .data && !error.description.contains("\n"))
        return error
    }

    @Test func read_ofTheOldForm_saysWhatToDo() throws {
        let text = try failure(readFile(joined(Self.fixtures, "old.bin"))).description
        #expect(text.contains("before version 1.6") && text.contains("torch.save"))
    }

    private static let good = StoredZip(
        pickle: PickleText.of(PickleText.tensor()), storages: [("0", pattern(8, seed: 1))])

    @Test func archive_thatIsNoneOfWeights_isNamed() throws {
        var zip = Self.good
        zip.entries.append(("m/constants.pkl", []))
        #expect(try failure(zip.bytes).description.contains("TorchScript"))
        zip = Self.good
        zip.entries[0].name = "m/other.pkl"
        #expect(try failure(zip.bytes).description.contains("without a data.pkl"))
        zip = Self.good
        zip.entries[1].bytes = Array("big".utf8)
        #expect(try failure(zip.bytes).description.contains("big-endian"))
        zip = Self.good
        zip.method = 8
        #expect(try failure(zip.bytes).description.contains("compressed"))
        zip = Self.good
        zip.flags = 1
        #expect(try failure(zip.bytes).description.contains("encrypted"))
        zip = Self.good
        zip.entries.append(zip.entries[2])
        #expect(try failure(zip.bytes).description.contains("two entries"))
        zip = Self.good
        zip.entries.removeLast()
        #expect(try failure(zip.bytes).description.contains("data/0, are not in the archive"))
        zip = Self.good
        zip.entries[2].bytes.removeLast()
        #expect(try failure(zip.bytes).description.contains("has 7 bytes"))
    }

    /// Cut anywhere, or with any byte changed: an error or the same tensor, and never a crash.
    @Test func archive_thatIsDamaged() throws {
        for isLarge in [false, true] {
            var zip = Self.good
            zip.isLarge = isLarge
            let whole = zip.bytes
            let scratch = try Scratch()
            try scratch.write("config.json", "{}")
            for count in stride(from: 0, to: whole.count, by: 3) {
                try scratch.write("pytorch_model.bin", Array(whole[..<count]))
                #expect(throws: (any Error).self) { try Checkpoint(directory: scratch.path) }
            }
            for place in whole.indices {
                for value: UInt8 in [0, 0x7F, 0xFF] {
                    var bytes = whole
                    bytes[place] = value
                    try scratch.write("pytorch_model.bin", bytes)
                    let found = try? Checkpoint(directory: scratch.path)
                    if let found {
                        #expect(found.tensors.allSatisfy { $0.byteCount <= whole.count })
                        for tensor in found.tensors { _ = tensor.bytes }
                    }
                }
            }
        }
    }
}
