import Checkpoint
import Documents
import Glibc
import Posix
import TestSupport
import Testing

/// Files that are larger than any of their kind are refused by their size, before they are read.
struct SizeTests {
    /// A file with holes takes no disk.
    private func grow(_ path: String, to bytes: Int) {
        #expect(truncate(path, off_t(bytes)) == 0)
    }

    @Test(arguments: [
        ("config.json", 8 << 20), ("model.safetensors.index.json", 64 << 20),
    ])
    func settings_thatAreTooLarge_areRefused(_ name: String, _ limit: Int) throws {
        let scratch = try Scratch()
        try writeSharded(scratch, IndexTests.good)
        grow(scratch[name], to: limit + 1)
        let error = try #require(throws: SystemError.self) {
            try Checkpoint(directory: scratch.path)
        }
        #expect(error.path == scratch[name] && error.errno == EFBIG)
        #expect(error.description.contains("\(limit + 1) bytes, at most \(limit) are read"))
        #expect(error.exitCode == .data)
        // One byte less is read, and then is no JSON.
        grow(scratch[name], to: limit)
        #expect(throws: DocumentError.self) { try Checkpoint(directory: scratch.path) }
    }

    @Test func header_ofTooManyTensors_isRefused() throws {
        let scratch = try Scratch()
        func header(_ count: Int) -> String {
            let members = (0..<count).map { member("t\($0)", "U8", "[0]", 0, 0) }
            return "{" + members.joined(separator: ",") + "}"
        }
        try scratch.write("most", safetensors(header(250_000)))
        #expect(try SafetensorsFile(scratch["most"]).tensors.count == 250_000)
        try scratch.write("more", safetensors(header(250_001)))
        let error = try #require(throws: CheckpointError.self) {
            try SafetensorsFile(scratch["more"])
        }
        #expect(error.reason == .tooManyTensors(250_001) && error.file == scratch["more"])
        #expect(error.description.contains("250001 tensors in one file; at most 250000 are"))
        #expect(error.exitCode == .data)
    }
}
