import Documents
import Posix
import TestSupport
import Testing

@testable import Tokenizer

@Suite struct TextSourceTests {
    /// "Hello wörld" and a line feed, compressed.
    private static let member: [UInt8] = [
        0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xFF, 0xF3, 0x48, 0xCD, 0xC9,
        0xC9, 0x57, 0x28, 0x3F, 0xBC, 0xAD, 0x28, 0x27, 0x85, 0x0B, 0x00, 0x9B, 0xB1, 0x39,
        0xF3, 0x0D, 0x00, 0x00, 0x00,
    ]

    private func documents(_ name: String, _ bytes: [UInt8], limit: Int = 1 << 20) throws
        -> [String]
    {
        try Fixture.withFile(name, bytes) { (path: String) throws in
            var result: [String] = []
            try TextSource(path: path, documentLimit: limit).forEachDocument { text in
                result.append(String(copying: text))
                return true
            }
            return result
        }
    }

    private func failure(_ name: String, _ bytes: [UInt8], limit: Int = 1 << 20) throws -> String {
        let error = #expect(throws: DocumentError.self) {
            _ = try documents(name, bytes, limit: limit)
        }
        #expect(error?.exitCode == .data)
        let message = try #require(error).description
        return String(try #require(message.split(separator: "/").last))
    }

    @Test(arguments: ["a.txt", "wiki.test.raw", "noextension", "a.jsonl.bak"])
    func plainText_isOneDocument(name: String) throws {
        #expect(try documents(name, Array("one\r\n\r\ntwo\r\r\n".utf8)) == ["one\n\ntwo\n\n"])
        #expect(try documents(name, []) == [""])
    }

    @Test func jsonl_hasADocumentALine() throws {
        let text =
            "{\"text\": \"one\\ntwo\"}\r\n\n  \n{\"id\": 7, \"text\": \"\"}\n{\"text\":\"é\"}"
        #expect(try documents("a.jsonl", Array(text.utf8)) == ["one\ntwo", "", "é"])
        #expect(try documents("a.jsonl", Array((text + "\n").utf8)) == ["one\ntwo", "", "é"])
        #expect(try documents("a.jsonl", []) == [])
    }

    @Test func jsonl_ofLongLines_isReadPieceByPiece() throws {
        let long = String(repeating: "x", count: 3 << 20)
        let text = "{\"text\": \"\(long)\"}\n{\"text\": \"b\"}\n"
        #expect(try documents("a.jsonl", Array(text.utf8), limit: 1 << 23) == [long, "b"])
        #expect(
            try failure("a.jsonl", Array(text.utf8))
                == "a.jsonl:1:1: the line has more than 1048576 bytes; split its document")
        #expect(
            try failure("a.txt", Array(long.utf8))
                .hasPrefix("a.txt: the text has more than 1048576 bytes, and this tokenizer "))
    }

    @Test(arguments: [
        ("{\"text\": \"a\"}\n{\"text\": }\n", "a.jsonl:2:10: "),
        ("{\"text\": \"a\"}\n\n[1]\n", "a.jsonl:3:1: an object with a field 'text' is expected"),
        ("{\"txt\": \"a\"}", "a.jsonl:1:1: an object with a field 'text' is expected"),
        ("{\"text\": 7}", "a.jsonl:1:1: the field 'text' is expected to be a string"),
        ("{\"text\": \"a\"} x\n", "a.jsonl:1:"),
    ])
    func jsonl_malformed_namesFileAndLine(text: String, message: String) throws {
        #expect(try failure("a.jsonl", Array(text.utf8)).hasPrefix(message))
    }

    @Test(
        arguments: [
            ([0xFF], "1:1"), ([0x61, 0x0A, 0xC3, 0xA9, 0x62, 0x80], "2:3"),
            ([0x61, 0xED, 0xA0, 0x80], "1:2"), ([0x61, 0xC3], "1:2"), ([0xC0, 0x80], "1:1"),
        ] as [([UInt8], String)])
    func text_thatIsNotUTF8_namesThePlace(bytes: [UInt8], place: String) throws {
        #expect(
            try failure("a.txt", bytes)
                == "a.txt:\(place): the text is not UTF-8 from here on; convert it")
        #expect(try failure("a.jsonl", Array("\n{\"text\": \"".utf8) + bytes).hasPrefix("a.jsonl:"))
    }

    @Test func gzip_ofSeveralMembers_isJoined() throws {
        #expect(try documents("a.txt.gz", Self.member) == ["Hello wörld\n"])
        #expect(
            try documents("a.gz", Self.member + Self.member) == ["Hello wörld\nHello wörld\n"])
        // gzip(1) lets zeros follow.
        #expect(try documents("a.gz", Self.member + [0, 0, 0]) == ["Hello wörld\n"])
    }

    @Test func gzip_cutShort_isAnError() throws {
        for count in 0..<Self.member.count {
            #expect(
                try failure("a.txt.gz", Array(Self.member[..<count]))
                    == "a.txt.gz: the gzip data ends early; the file is cut short")
        }
    }

    @Test func gzip_corrupt_isAnError() throws {
        for index in [0, 1, 2] + Array(10..<Self.member.count) {
            var bytes = Self.member
            bytes[index] ^= 0x55
            #expect(throws: DocumentError.self) { _ = try documents("a.txt.gz", bytes) }
        }
        #expect(
            try failure("a.txt.gz", Array("plain text".utf8)).hasPrefix(
                "a.txt.gz: the gzip data is"))
        #expect(
            try failure("a.txt.gz", Self.member + [7]).hasPrefix("a.txt.gz: the gzip data "))
    }

    /// A megabyte of zeros takes a kilobyte; a document must not take more memory than its limit.
    @Test func gzip_ofABomb_isRefused() throws {
        let fixture = try Fixture.bytes("gpt2.vectors.json").count
        let bytes = try readFile(
            sourcePath("Tests/TokenizerTests/Fixtures/gpt2.vectors.json.gz"))
        #expect(bytes.count < fixture)
        #expect(
            try failure("a.txt.gz", bytes, limit: fixture - 1).contains(
                "the text has more than \(fixture - 1) bytes, and this tokenizer"))
    }

    @Test func read_ofNoRegularFile_fails() {
        for path in ["/dev/null", "/tmp", "/nonexistent/a.txt"] {
            #expect(throws: SystemError.self) {
                try TextSource(path: path).forEachDocument { _ in true }
            }
        }
    }

    @Test func tokens_joinsDocumentsWithTheirSpecialTokens() throws {
        let tokenizer = try Fixture.tokenizer("llama3")
        let text = "{\"text\": \"one two\"}\n{\"text\": \"\"}\n{\"text\": \"three\"}\n"
        let expected = try ["one two", "", "three"].flatMap {
            try tokenizer.encode($0, addSpecialTokens: true)
        }
        #expect(expected.filter { $0 == 1 }.count == 3)
        try Fixture.withFile("a.jsonl", Array(text.utf8)) { (path: String) throws in
            let source = TextSource(path: path)
            #expect(try source.tokens(with: tokenizer) == expected)
            for limit in 0...expected.count + 1 {
                #expect(
                    try source.tokens(with: tokenizer, stopAfter: limit)
                        == Array(expected.prefix(limit)))
            }
        }
    }

    /// What cannot be cut is limited, not the text.
    @Test func documentLimit_belowAPiece_limitsNoText() throws {
        let tokenizer = try Fixture.tokenizer("gpt2")
        try #require(tokenizer.cuts != nil)
        let text = String(repeating: "one two three\n", count: 60_000)
        let whole = try tokenizer.encode(text, addSpecialTokens: true)
        try Fixture.withFile("a.txt", Array(text.utf8)) { (path: String) throws in
            let source = TextSource(path: path, documentLimit: 1 << 18)
            #expect(try source.tokens(with: tokenizer) == whole)
        }
    }

    @Test func tokens_withStopAfter_doesNotReadTheRest() throws {
        let tokenizer = try Fixture.tokenizer("llama3")
        let text = "{\"text\": \"one two\"}\nnonsense\n"
        try Fixture.withFile("a.jsonl", Array(text.utf8)) { (path: String) throws in
            let source = TextSource(path: path)
            #expect(try source.tokens(with: tokenizer, stopAfter: 2).count == 2)
            #expect(throws: DocumentError.self) { _ = try source.tokens(with: tokenizer) }
        }
    }
}
