import Glibc
import Posix
import Testing

@testable import Tokenizer

/// Files that are larger than any of their kind are refused by their size, before they are read.
@Suite struct SizeTests {
    @Test(arguments: [
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    ])
    func files_thatAreTooLarge_areRefused(_ name: String) throws {
        var files = [(name: "tokenizer.json", bytes: try Fixture.bytes("llama3.tokenizer.json"))]
        if name != "tokenizer.json" { files.append((name, Array("{}".utf8))) }
        try Fixture.withFiles(files) { (directory: String) throws in
            _ = try Tokenizer(directory: directory, family: "llama", tokenizerClass: nil)
            let limit = 64 << 20
            // A file with holes takes no disk.
            #expect(truncate("\(directory)/\(name)", off_t(limit + 1)) == 0)
            let error = #expect(throws: SystemError.self) {
                _ = try Tokenizer(directory: directory, family: "llama", tokenizerClass: nil)
            }
            #expect(error?.path == "\(directory)/\(name)" && error?.errno == EFBIG)
            let text = error?.description ?? ""
            #expect(text.contains("\(limit + 1) bytes, at most \(limit) are read"), "\(text)")
            #expect(error?.exitCode == .data)
        }
    }
}
