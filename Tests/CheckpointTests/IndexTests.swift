import Checkpoint
import Documents
import Glibc
import Posix
import Tensors
import TestSupport
import Testing

/// Two shards with `a` and `b`, `c`, and an index.
func writeSharded(_ scratch: Scratch, _ weightMap: String) throws {
    try scratch.write("config.json", "{}")
    try scratch.write(
        "one.safetensors", safetensors("{\(member("a", "U8", "[4]", 0, 4))}", [1, 2, 3, 4]))
    let two = "{\(member("b", "U8", "[2]", 0, 2)),\(member("c", "U8", "[1]", 2, 3))}"
    try scratch.write("two.safetensors", safetensors(two, [5, 6, 7]))
    try scratch.write(
        "model.safetensors.index.json", #"{"metadata":{},"weight_map":\#(weightMap)}"#)
}

struct IndexTests {
    static let good = #"{"a":"one.safetensors","b":"two.safetensors","c":"two.safetensors"}"#

    @Test func open_whenSharded() throws {
        let scratch = try Scratch()
        try writeSharded(scratch, Self.good)
        let checkpoint = try Checkpoint(directory: scratch.path)
        #expect(checkpoint.tensorNames == ["a", "b", "c"])
        #expect(checkpoint.tensors.map(\.shard) == [0, 1, 1])
        #expect(checkpoint.tensor(named: "c").map { Array($0.bytes) } == [7])
        #expect(checkpoint.bytes == 7)
    }

    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let weightMap: String
        let reason: CheckpointError.Reason
        let tensor: String?
        let file: String
        var exitCode = ExitCode.data
        var testDescription: String { name }
    }

    static let index = "model.safetensors.index.json"
    static let cases = [
        Case(
            name: "absent shard",
            weightMap: #"{"a":"one.safetensors","b":"two.safetensors","c":"three.safetensors"}"#,
            reason: .absentShard("three.safetensors"), tensor: nil, file: index,
            exitCode: .noInput),
        Case(
            name: "tensor that its shard lacks",
            weightMap: good.replacing("}", with: #","d":"two.safetensors"}"#),
            reason: .notInShard("two.safetensors", foundIn: nil), tensor: "d", file: index),
        Case(
            name: "tensor in the other shard",
            weightMap: #"{"a":"one.safetensors","b":"two.safetensors","c":"one.safetensors"}"#,
            reason: .notInShard("one.safetensors", foundIn: "two.safetensors"), tensor: "c",
            file: index),
        Case(
            name: "tensor that the index does not name",
            weightMap: #"{"a":"one.safetensors","b":"two.safetensors"}"#,
            reason: .notInIndex, tensor: "c", file: "two.safetensors"),
        Case(
            name: "parent directory", weightMap: #"{"a":"../one.safetensors"}"#,
            reason: .shardName("../one.safetensors"), tensor: "a", file: index),
        Case(
            name: "dots", weightMap: #"{"a":".."}"#, reason: .shardName(".."), tensor: "a",
            file: index),
        Case(
            name: "absolute path", weightMap: #"{"a":"/etc/passwd"}"#,
            reason: .shardName("/etc/passwd"), tensor: "a", file: index),
        Case(
            name: "NUL in a name", weightMap: #"{"a":"one.safetensors\u0000x"}"#,
            reason: .shardName("one.safetensors\0x"), tensor: "a", file: index),
        Case(
            name: "file is a number", weightMap: #"{"a":1}"#,
            reason: .index("expected a file's name, a string"), tensor: "a", file: index),
        Case(
            name: "map is an array", weightMap: "[]",
            reason: .index("expected the object 'weight_map', tensor: file"), tensor: nil,
            file: index),
        Case(
            name: "no tensors in the index", weightMap: "{}",
            reason: .index("'weight_map' names no tensor"), tensor: nil, file: index),
    ]

    @Test("fault 40: an index that disagrees is refused", arguments: cases)
    func open_whenIndexIsWrong(_ wrong: Case) throws {
        let scratch = try Scratch()
        try writeSharded(scratch, wrong.weightMap)
        let error = try #require(throws: CheckpointError.self) {
            try Checkpoint(directory: scratch.path)
        }
        #expect(error.reason == wrong.reason)
        #expect(error.tensor == wrong.tensor)
        #expect(error.file == scratch[wrong.file])
        #expect(error.exitCode == wrong.exitCode)
    }

    @Test func open_whenTensorIsInTwoShards() throws {
        let scratch = try Scratch()
        try writeSharded(scratch, Self.good)
        try scratch.write(
            "one.safetensors",
            safetensors(
                "{\(member("a", "U8", "[4]", 0, 4)),\(member("b", "U8", "[2]", 4, 6))}",
                [1, 2, 3, 4, 5, 6]))
        let error = try #require(throws: CheckpointError.self) {
            try Checkpoint(directory: scratch.path)
        }
        #expect(error.reason == .inTwoShards(first: "one.safetensors"))
        #expect(error.file == scratch["two.safetensors"] && error.tensor == "b")
    }

    @Test func open_whenShardIsBroken() throws {
        let scratch = try Scratch()
        try writeSharded(scratch, Self.good)
        try scratch.write("two.safetensors", [0, 1])
        let error = try #require(throws: CheckpointError.self) {
            try Checkpoint(directory: scratch.path)
        }
        #expect(error.reason == .tooShort(bytes: 2) && error.file == scratch["two.safetensors"])
    }

    @Test(arguments: [#"{"weight_map":{"a":"x","a":"y"}}"#, "{", "[1,"])
    func open_whenIndexIsNoJSON(_ text: String) throws {
        let scratch = try Scratch()
        try scratch.write("config.json", "{}")
        try scratch.write(Self.index, text)
        let error = try #require(throws: DocumentError.self) {
            try Checkpoint(directory: scratch.path)
        }
        #expect(error.file == scratch[Self.index] && error.position != nil)
        #expect(error.exitCode == .data)
    }
}

struct DirectoryTests {
    @Test(arguments: ["model.pth", "model.gguf"])
    func open_whenWeightsAreInAnotherFormat(_ name: String) throws {
        let scratch = try Scratch()
        try scratch.write("config.json", "{}")
        try scratch.write(name, "x")
        let error = try #require(throws: CheckpointError.self) {
            try Checkpoint(directory: scratch.path)
        }
        #expect(error.reason == .noWeights(others: [name]) && error.file == scratch.path)
        let advice =
            name == "model.gguf"
            ? "convert it with from_pretrained(gguf_file=..) and save_pretrained"
            : "convert the model to safetensors"
        #expect(error.description.contains(advice))
        #expect(error.exitCode == .noInput)
    }

    @Test func open_whenConfigIsMissing() throws {
        let scratch = try Scratch()
        try scratch.write("model.safetensors", safetensors("{}"))
        let error = try #require(throws: CheckpointError.self) {
            try Checkpoint(directory: scratch.path)
        }
        #expect(error.file == scratch.path && error.exitCode == .noInput)
        #expect(error.description.contains("has no config.json beside its weights"))
    }

    @Test(arguments: ["[]", "{\"a\": 1,}", ""])
    func open_whenConfigIsNoObject(_ text: String) throws {
        let scratch = try Scratch()
        try scratch.write("config.json", text)
        let error = try #require(throws: DocumentError.self) {
            try Checkpoint(directory: scratch.path)
        }
        #expect(error.file == scratch["config.json"] && error.exitCode == .data)
    }

    @Test(.timeLimit(.minutes(1)), arguments: ["config.json", "model.safetensors"])
    func open_whenFileIsFIFO_doesNotBlock(_ name: String) throws {
        let scratch = try Scratch()
        try scratch.write("config.json", "{}")
        try scratch.write("model.safetensors", safetensors("{}"))
        unlink(scratch[name])
        #expect(mkfifo(scratch[name], 0o600) == 0)
        let error = try #require(throws: SystemError.self) {
            try Checkpoint(directory: scratch.path)
        }
        #expect(error.path == scratch[name])
    }

    @Test(arguments: [true, false])
    func open_whenFileIsLink(_ follow: Bool) throws {
        let scratch = try Scratch()
        try scratch.write("m/config.json", "{}")
        try scratch.write("files/x", safetensors("{\(member("a", "U8", "[1]", 0, 1))}", [9]))
        #expect(symlink("../files/x", scratch["m/model.safetensors"]) == 0)
        if follow {
            #expect(try Checkpoint(directory: scratch["m"]).tensorNames == ["a"])
        } else {
            let error = try #require(throws: CheckpointError.self) {
                try Checkpoint(directory: scratch["m"], followSymlinks: false)
            }
            #expect(error.reason == .link && error.file == scratch["m/model.safetensors"])
            #expect(error.exitCode == .notPermitted)
        }
    }

    @Test func open_whenDirectoryIsLinkAndNotFollowed() throws {
        let scratch = try Scratch()
        try scratch.write("m/config.json", "{}")
        try scratch.write("m/model.safetensors", safetensors("{}"))
        #expect(symlink("m", scratch["link"]) == 0)
        _ = try Checkpoint(directory: scratch["m"], followSymlinks: false)
        #expect(throws: CheckpointError.self) {
            try Checkpoint(directory: scratch["link"], followSymlinks: false)
        }
    }
}
