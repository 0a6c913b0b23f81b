import Checkpoint
import Posix
import Tensors
import TestSupport
import Testing

/// A safetensors file that must be refused, and how.
struct BrokenFile: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    let reason: CheckpointError.Reason?
    let tensor: String?
    /// For reasons that hold a text: what must be in it.
    let text: String

    init(
        _ name: String, _ bytes: [UInt8], _ reason: CheckpointError.Reason? = nil,
        tensor: String? = nil, text: String = ""
    ) {
        self.name = name
        self.bytes = bytes
        self.reason = reason
        self.tensor = tensor
        self.text = text
    }

    init(_ name: String, header: String, count: Int = 0, text: String, tensor: String? = nil) {
        self.init(
            name, safetensors(header, pattern(count, seed: 1)), nil, tensor: tensor, text: text)
    }

    init(
        _ name: String, header: String, count: Int = 0, _ reason: CheckpointError.Reason,
        tensor: String? = nil
    ) {
        self.init(name, safetensors(header, pattern(count, seed: 1)), reason, tensor: tensor)
    }

    var testDescription: String { name }

    private static func length(_ value: UInt64) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    static let all: [BrokenFile] = [
        BrokenFile("empty file", [], .tooShort(bytes: 0)),
        BrokenFile("seven bytes", Array(repeating: 0, count: 7), .tooShort(bytes: 7)),
        BrokenFile(
            "header of 100 MB and 1", length(100_000_001) + [0x7B],
            .headerTooLarge(bytes: 100_000_001)),
        BrokenFile(
            "header length with the sign bit", length(.max), .headerTooLarge(bytes: .max)),
        BrokenFile(
            "header beyond the file", length(64) + Array("{}".utf8),
            .headerBeyondFile(bytes: 64, file: 10)),
        BrokenFile("no header", length(0), text: "JSON object"),
        BrokenFile("header is an array", header: "[]", text: "JSON object"),
        BrokenFile("header starts with space", header: " {}", text: "JSON object"),
        BrokenFile("header cut short", header: #"{"a":{"dtype""#, text: "1:"),
        BrokenFile("header with a comment", header: "{/**/}", text: "1:"),
        BrokenFile("two headers", header: "{}{}", text: "1:"),
        BrokenFile(
            "header not UTF-8", safetensors([0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D]),
            text: "UTF-8"),
        BrokenFile(
            "deep header", header: #"{"a":"# + String(repeating: "[", count: 100_000),
            text: "1:"),
        BrokenFile(
            "named twice",
            header: "{\(member("a", "U8", "[2]", 0, 2)),\(member("a", "U8", "[2]", 2, 4))}",
            count: 4, text: "again"),
        BrokenFile(
            "named twice in other code points",
            header: "{\(member("é", "U8", "[2]", 0, 2)),\(member("e\u{301}", "U8", "[2]", 2, 4))}",
            count: 4, .namedTwice, tensor: "é"),
        BrokenFile(
            "overlap",
            header: "{\(member("a", "U8", "[4]", 0, 4)),\(member("b", "U8", "[4]", 2, 6))}",
            count: 6, .overlap(with: "a"), tensor: "b"),
        BrokenFile(
            "the same bytes twice",
            header: "{\(member("a", "U8", "[4]", 0, 4)),\(member("b", "U8", "[4]", 0, 4))}",
            count: 4, .overlap(with: "a"), tensor: "b"),
        BrokenFile(
            "hole",
            header: "{\(member("a", "U8", "[4]", 0, 4)),\(member("b", "U8", "[4]", 6, 10))}",
            count: 10, .hole(bytes: 2), tensor: "b"),
        BrokenFile(
            "hole at the start", header: "{\(member("a", "U8", "[4]", 1, 5))}", count: 5,
            .hole(bytes: 1), tensor: "a"),
        BrokenFile(
            "data cut short", header: "{\(member("a", "F32", "[2,2]", 0, 16))}", count: 9,
            .truncated(missing: 7), tensor: "a"),
        BrokenFile(
            "bytes after the last", header: "{\(member("a", "F32", "[2,2]", 0, 16))}", count: 17,
            .trailing(bytes: 1)),
        BrokenFile("data without tensors", header: "{}", count: 3, .trailing(bytes: 3)),
        BrokenFile(
            "shape overflows", header: "{\(member("a", "F32", "[4611686018427387904,2]", 0, 8))}",
            count: 8, .overflow(shape: [1 << 62, 2]), tensor: "a"),
        BrokenFile(
            "shape times dtype overflows",
            header: "{\(member("a", "F64", "[1152921504606846976]", 0, 8))}",
            count: 8, .overflow(shape: [1 << 60]), tensor: "a"),
        BrokenFile(
            "half a byte", header: "{\(member("a", "F4", "[3]", 0, 2))}", count: 2,
            .overflow(shape: [3]), tensor: "a"),
        BrokenFile(
            "size beyond Int", header: "{\(member("a", "U8", "[18446744073709551616]", 0, 8))}",
            count: 8, text: "shape", tensor: "a"),
        BrokenFile(
            "negative size", header: "{\(member("a", "U8", "[-1,-8]", 0, 8))}", count: 8,
            text: "shape", tensor: "a"),
        BrokenFile(
            "size with a fraction", header: "{\(member("a", "U8", "[8.0]", 0, 8))}", count: 8,
            text: "shape", tensor: "a"),
        BrokenFile(
            "shape and offsets disagree", header: "{\(member("a", "F16", "[3]", 0, 8))}", count: 8,
            .byteCount(found: 8, expected: 6), tensor: "a"),
        BrokenFile(
            "offsets backwards", header: "{\(member("a", "U8", "[4]", 8, 4))}", count: 8,
            text: "data_offsets", tensor: "a"),
        BrokenFile(
            "offsets at the end of Int",
            header: "{\(member("a", "U8", "[1]", Int.max - 1, Int.max))}",
            count: 8, text: "too large", tensor: "a"),
        BrokenFile(
            "one offset",
            header: #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}"#, count: 1,
            text: "data_offsets", tensor: "a"),
        BrokenFile(
            "unknown dtype", header: "{\(member("a", "F3", "[8]", 0, 8))}", count: 8,
            .unknownType("F3"), tensor: "a"),
        BrokenFile(
            "no dtype", header: #"{"a":{"shape":[1],"data_offsets":[0,1]}}"#, count: 1,
            text: "dtype", tensor: "a"),
        BrokenFile("tensor is a number", header: #"{"a":1}"#, text: "dtype", tensor: "a"),
        BrokenFile(
            "metadata is not strings", header: #"{"__metadata__":{"a":1}}"#, text: "not a string"),
        BrokenFile(
            "metadata is a string", header: #"{"__metadata__":"pt"}"#, text: "not an object"),
    ]
}

struct BrokenFileTests {
    @Test("faults 30-37: a broken safetensors file is refused", arguments: BrokenFile.all)
    func open_isRefusedWithReason(_ broken: BrokenFile) throws {
        let scratch = try Scratch()
        try scratch.write("config.json", "{}")
        try scratch.write("model.safetensors", broken.bytes)
        let error = try #require(throws: CheckpointError.self) {
            try Checkpoint(directory: scratch.path)
        }
        #expect(error.file == scratch["model.safetensors"])
        #expect(error.tensor == broken.tensor)
        if let reason = broken.reason { #expect(error.reason == reason) }
        #expect(error.description.contains(broken.text))
        #expect(!error.description.contains("\n"))
        #expect(error.exitCode == .data)
    }

    @Test("fault 42: empty and rank-0 tensors are accepted")
    func open_whenTensorsAreEmptyOrScalars() throws {
        let scratch = try Scratch()
        let header =
            "{\(member("empty", "F32", "[0,4]", 2, 2)),\(member("scalar", "BF16", "[]", 0, 2)),"
            + #""__metadata__":{"format":"pt","note":"x"},"#
            + "\(member("last", "U8", "[0]", 3, 3)),\(member("byte", "U8", "[1,1]", 2, 3))}   "
        try scratch.write("a.safetensors", safetensors(header, [1, 2, 3]))
        let file = try SafetensorsFile(scratch["a.safetensors"])
        #expect(file.tensors.map(\.name) == ["scalar", "empty", "byte", "last"])
        let scalar = try #require(file.tensor(named: "scalar"))
        #expect(scalar.shape == [] && scalar.count == 1 && Array(scalar.bytes) == [1, 2])
        let empty = try #require(file.tensor(named: "empty"))
        #expect(empty.shape == [0, 4] && empty.count == 0 && empty.bytes.isEmpty)
        #expect(file.metadata.map(\.key) == ["format", "note"])
        #expect(file.tensor(named: "other") == nil)
    }

    @Test func open_whenThereAreNoTensors() throws {
        let scratch = try Scratch()
        try scratch.write("a.safetensors", safetensors("{}"))
        #expect(try SafetensorsFile(scratch["a.safetensors"]).tensors.isEmpty)
    }
}
