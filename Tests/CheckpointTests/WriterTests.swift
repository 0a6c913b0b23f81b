import Checkpoint
import Dispatch
import Documents
import Glibc
import Posix
import Tensors
import TestSupport
import Testing

struct WriterTests {
    /// Two shards: `q` and `down` in BF16, then `norm` in F32 and `head`.
    private func source(_ scratch: Scratch) throws -> Checkpoint {
        let one =
            "{\(member("q", "BF16", "[2,3]", 0, 12)),\(member("down", "BF16", "[3,2]", 12, 24))}"
        let two =
            #"{"__metadata__":{"format":"mlx","note":"n"},"#
            + "\(member("norm", "F32", "[2]", 0, 8)),\(member("head", "BF16", "[4]", 8, 16))}"
        try scratch.write("m/one.safetensors", safetensors(one, pattern(24, seed: 1)))
        try scratch.write("m/two.safetensors", safetensors(two, pattern(16, seed: 2)))
        try scratch.write("m/config.json", #"{"mlp_bias" : false, "rope_theta":1e4}"#)
        try scratch.write(
            "m/model.safetensors.index.json",
            #"{"metadata":{"total_parameters":20,"total_size":1,"by":"x"},"#
                + #""weight_map":{"q":"one.safetensors","down":"one.safetensors","#
                + #""norm":"two.safetensors","head":"two.safetensors"}}"#)
        return try Checkpoint(directory: scratch["m"])
    }

    private func write(
        _ source: Checkpoint, _ scratch: Scratch, edits: [CheckpointLayout.Edit] = [],
        config: Node? = nil, _ body: (CheckpointWriter) throws -> Void = { _ in }
    ) throws {
        mkdir(scratch["out"], 0o750)
        let layout = try CheckpointLayout(source, edits: edits)
        let writer = try CheckpointWriter(layout, into: Directory(scratch["out"]), config: config)
        try body(writer)
        try writer.finish()
        let sizes = try scratch.files("out").map { try scratch.read("out/\($0)").count }
        // The index, and config.json where it is new, are not counted.
        #expect(layout.bytes <= sizes.reduce(0, +) && layout.bytes > 0)
    }

    private func put(_ writer: CheckpointWriter, _ name: String, _ bytes: [UInt8]) throws {
        try writer.write(name, bytes.span.bytes)
    }

    @Test func finish_whenNothingIsEdited_keepsEveryTensor() throws {
        let scratch = try Scratch()
        let source = try source(scratch)
        try write(source, scratch)
        let copy = try Checkpoint(directory: scratch["out"])
        #expect(copy.tensorNames == source.tensorNames)
        for (before, after) in zip(source.tensors, copy.tensors) {
            #expect(before.info == after.info && before.shard == after.shard)
            #expect(Array(before.bytes) == Array(after.bytes))
        }
        #expect(try scratch.read("out/config.json") == scratch.read("m/config.json"))
        #expect(copy.index?["metadata"]?["total_parameters"]?.integer == 20)
        #expect(copy.index?["metadata"]?["total_size"]?.integer == 40)
        #expect(copy.index?["metadata"]?["by"]?.string == "x")
    }

    @Test func finish_whenEdited_writesExactlyThis() throws {
        let scratch = try Scratch()
        let bias = TensorInfo(name: "q.bias", type: .bfloat16, shape: [2])
        let extra = TensorInfo(name: "q.extra", type: .bfloat16, shape: [1])
        try write(
            source(scratch), scratch,
            edits: [.add(bias, after: "q"), .remove("head"), .add(extra, after: "q")],
            config: Node(object: [("mlp_bias", Node(true))])
        ) { writer in
            try put(writer, "q.extra", [5, 6])
            try put(writer, "down", Array(repeating: 9, count: 12))
            try put(writer, "q.bias", [1, 2, 3, 4])
        }
        let one =
            #"{"__metadata__":{"format":"pt"},"#
            + [
                member("q", "BF16", "[2,3]", 0, 12), member("q.bias", "BF16", "[2]", 12, 16),
                member("q.extra", "BF16", "[1]", 16, 18), member("down", "BF16", "[3,2]", 18, 30),
            ].joined(separator: ",") + "}"
        #expect(
            try scratch.read("out/one.safetensors")
                == safetensors(
                    padded(one),
                    pattern(12, seed: 1) + [1, 2, 3, 4, 5, 6] + Array(repeating: 9, count: 12)))
        let two =
            #"{"__metadata__":{"format":"pt","note":"n"},"# + member("norm", "F32", "[2]", 0, 8)
            + "}"
        #expect(
            try scratch.read("out/two.safetensors")
                == safetensors(padded(two), Array(pattern(16, seed: 2)[..<8])))
        let index = try JSON.parse(scratch.read("out/model.safetensors.index.json"), file: "index")
        #expect(index["metadata"]?.members?.map(\.key) == ["total_size", "by"])
        #expect(index["metadata"]?["total_size"]?.integer == 38)
        #expect(
            index["weight_map"]?.members?.map { "\($0.key)=\($0.value.string ?? "")" } == [
                "down=one.safetensors", "norm=two.safetensors", "q=one.safetensors",
                "q.bias=one.safetensors", "q.extra=one.safetensors",
            ])
        #expect(try scratch.text("out/config.json") == "{\n  \"mlp_bias\": true\n}\n")
        var status = stat()
        #expect(stat(scratch["out/one.safetensors"], &status) == 0)
        #expect(status.st_mode & 0o137 == 0)
        #expect(try scratch.files("out").count == 4)
    }

    private func padded(_ header: String) -> String {
        header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    }

    @Test func finish_whenShardLosesItsOnlyTensor_leavesItOut() throws {
        let scratch = try Scratch()
        try writeSharded(scratch, IndexTests.good)
        let source = try Checkpoint(directory: scratch.path)
        try write(source, scratch, edits: [.remove("a")])
        let result = try Checkpoint(directory: scratch["out"])
        #expect(result.tensorNames == ["b", "c"])
        #expect(!scratch.exists("out/one.safetensors"))
    }

    @Test func finish_whenSingleFile_writesNoIndex() throws {
        let scratch = try Scratch()
        let header = "{\(member("w", "F16", "[5]", 0, 10)),\(member("v", "F32", "[1]", 10, 14))}"
        try scratch.write("m/config.json", "{}")
        try scratch.write("m/model.safetensors", safetensors(header, pattern(14, seed: 7)))
        try scratch.write("m/model.safetensors.index.json", "stale")
        let source = try Checkpoint(directory: scratch["m"])
        try write(source, scratch)
        #expect(try scratch.files("out") == ["config.json", "model.safetensors"])
        let result = try Checkpoint(directory: scratch["out"])
        // PyTorch could not use `v` at offset 10, so it comes first now.
        #expect(result.tensorNames == ["v", "w"])
        for tensor in source.tensors {
            let copy = try #require(result.tensor(named: tensor.name))
            #expect(Array(copy.bytes) == Array(tensor.bytes) && copy.info == tensor.info)
            let place = copy.withBytes(0..<copy.byteCount) { bytes in
                bytes.withUnsafeBytes { Int(bitPattern: $0.baseAddress) }
            }
            #expect(place % copy.type.size == 0)
        }
    }

    @Test func write_fromManyThreadsAndInAnyOrder() throws {
        let scratch = try Scratch()
        let count = 64
        let size = 1000
        let names = (0..<count).map { "t\($0)" }
        let members = names.enumerated().map {
            member($1, "U8", "[\(size)]", $0 * size, ($0 + 1) * size)
        }
        try scratch.write("m/config.json", "{}")
        try scratch.write(
            "m/model.safetensors",
            safetensors("{\(members.joined(separator: ","))}", pattern(count * size, seed: 0)))
        let source = try Checkpoint(directory: scratch["m"])
        mkdir(scratch["out"], 0o750)
        let writer = try CheckpointWriter(
            CheckpointLayout(source, edits: []), into: Directory(scratch["out"]), config: nil)
        DispatchQueue.concurrentPerform(iterations: count) { index in
            // Every third stays as it was.
            if index % 3 != 0 {
                try? put(
                    writer, names[count - 1 - index],
                    Array(repeating: UInt8(count - 1 - index), count: size))
            }
        }
        try writer.finish()
        let result = try Checkpoint(directory: scratch["out"])
        for (index, tensor) in result.tensors.enumerated() {
            let expected =
                (count - 1 - index) % 3 == 0
                ? Array(source.tensors[index].bytes)
                : Array(repeating: UInt8(index), count: size)
            #expect(Array(tensor.bytes) == expected)
        }
    }

    @Test func copy_whenTensorIsLargerThanAPiece() throws {
        let scratch = try Scratch()
        let size = 9 << 20 + 5
        var data = [UInt8](repeating: 1, count: size)
        for place in [0, 4 << 20 - 1, 4 << 20, 8 << 20, size - 1] {
            data[place] = UInt8(place % 251)
        }
        try scratch.write("m/config.json", "{}")
        try scratch.write(
            "m/model.safetensors",
            safetensors("{\(member("w", "U8", "[\(size)]", 0, size))}", data))
        let source = try Checkpoint(directory: scratch["m"])
        mkdir(scratch["out"], 0o750)
        let writer = try CheckpointWriter(
            CheckpointLayout(source, edits: []), into: Directory(scratch["out"]), config: nil)
        var pieces: [Int] = []
        try writer.finish { pieces.append($0) }
        #expect(pieces == [4 << 20, 4 << 20, 1 << 20 + 5])
        let result = try Checkpoint(directory: scratch["out"])
        let copied = result.tensors[0].bytes
        #expect(copied.count == size && copied == source.tensors[0].bytes)
    }

    @Test func finish_whenProgressThrows_stops() throws {
        struct Enough: Error {}
        let scratch = try Scratch()
        let source = try source(scratch)
        mkdir(scratch["out"], 0o750)
        let writer = try CheckpointWriter(
            CheckpointLayout(source, edits: []), into: Directory(scratch["out"]), config: nil)
        #expect(throws: Enough.self) { try writer.finish { _ in throw Enough() } }
    }

    @Test func finish_whenAddedTensorIsNotWritten() throws {
        let scratch = try Scratch()
        let source = try source(scratch)
        let bias = TensorInfo(name: "q.bias", type: .bfloat16, shape: [2])
        let error = try #require(throws: CheckpointError.self) {
            try write(source, scratch, edits: [.add(bias, after: "q")])
        }
        #expect(error.reason == .unwritten && error.tensor == "q.bias")
        #expect(error.file == scratch["out/one.safetensors"])
    }

    @Test func init_whenConfigIsNoObject() throws {
        let scratch = try Scratch()
        let layout = try CheckpointLayout(source(scratch), edits: [])
        #expect(throws: CheckpointError.self) {
            try CheckpointWriter(layout, into: Directory(scratch.path), config: Node(.null))
        }
    }

    @Test func write_whenWrong() throws {
        let scratch = try Scratch()
        let source = try source(scratch)
        mkdir(scratch["out"], 0o750)
        let writer = try CheckpointWriter(
            CheckpointLayout(source, edits: [.remove("head")]), into: Directory(scratch["out"]),
            config: nil)
        let size = try #require(throws: CheckpointError.self) { try put(writer, "q", [1]) }
        #expect(size.reason == .written(bytes: 1, expected: 12) && size.tensor == "q")
        let gone = try #require(throws: CheckpointError.self) { try put(writer, "head", [1]) }
        #expect(gone.tensor == "head")
    }

    @Test func layout_whenEditsDoNotFit() throws {
        let scratch = try Scratch()
        let source = try source(scratch)
        let info = { TensorInfo(name: $0, type: .float32, shape: $1) }
        let edits: [([CheckpointLayout.Edit], String)] = [
            ([.add(info("q", [1]), after: "q")], "q"),
            ([.add(info("b", [1]), after: "q"), .add(info("b", [1]), after: "down")], "b"),
            ([.add(info("b", [1]), after: "x")], "b"),
            ([.add(info("b", [.max]), after: "q")], "b"),
            ([.add(info("b", [-1]), after: "q")], "b"),
            ([.remove("x")], "x"),
            ([.remove("q"), .remove("q")], "q"),
        ]
        for (edits, tensor) in edits {
            let error = try #require(throws: CheckpointError.self) {
                try CheckpointLayout(source, edits: edits)
            }
            #expect(error.tensor == tensor)
        }
    }

    @Test func init_whenSizeIsBeyondTheFileSystem_failsAtOnce() throws {
        let scratch = try Scratch()
        let layout = try SafetensorsLayout(
            [TensorInfo(name: "w", type: .uint8, shape: [1 << 62])], file: "x")
        let error = try #require(throws: SystemError.self) {
            try SafetensorsWriter("x", in: Directory(scratch.path), layout)
        }
        #expect(error.path == scratch["x"] && error.call.hasPrefix("reserve"))
    }

    @Test func write_ofOneFile() throws {
        let scratch = try Scratch()
        try SafetensorsFile.write(
            scratch["x"],
            tensors: [
                ("l.pruned", .uint8, [3], [1, 0, 1]),
                ("l.mean", .float32, [1], [0, 0, 0x80, 0x3F]),
            ], metadata: [("version", "1")])
        let file = try SafetensorsFile(scratch["x"], followSymlinks: false)
        #expect(file.tensors.map(\.name) == ["l.mean", "l.pruned"])
        #expect(file.metadata.map(\.value) == ["pt", "1"])
        #expect(file.tensor(named: "l.mean").map { Array($0.bytes) } == [0, 0, 0x80, 0x3F])
        #expect(file.tensor(named: "l.pruned").map { Array($0.bytes) } == [1, 0, 1])
        #expect(throws: SystemError.self) { try SafetensorsFile.write(scratch["x"], tensors: []) }
    }
}
