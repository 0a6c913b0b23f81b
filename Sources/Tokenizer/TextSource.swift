import Documents
import Glibc
import Posix

/// A file with text for calibration or evaluation, or with questions.
///
/// `.jsonl` has a document a line, an object whose field `text` is used; anything else is plain text
/// and one document, its line ends made LF. Either may be compressed as `.gz`.
package struct TextSource: Sendable {
    package let path: String
    /// The most bytes that a document, or a line of `.jsonl`, may have: memory for a few times as
    /// much is needed.
    package let documentLimit: Int

    private let isCompressed: Bool
    private let hasLines: Bool

    package init(path: String, documentLimit: Int = Int(Int32.max)) {
        self.path = path
        self.documentLimit = documentLimit
        var name = path.utf8[...]
        func drop(_ suffix: String) -> Bool {
            guard name.count > suffix.utf8.count,
                name.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
            else { return false }
            name = name.dropLast(suffix.utf8.count)
            return true
        }
        isCompressed = drop(".gz")
        hasLines = drop(".jsonl")
    }

    /// The tokens of all documents, each with its special tokens, joined in the order of the file.
    /// - Parameter stopAfter: no more than so many are wanted; the rest of the file is not read.
    /// - Throws: `SystemError` where the file cannot be read, `DocumentError` where it is not what
    ///   its name says or not UTF-8, with the place.
    package func tokens(
        with tokenizer: Tokenizer, stopAfter limit: Int = .max
    ) throws -> [Int32] {
        var encoder = Encoder(tokenizer, limit: limit)
        if encoder.isFull { return [] }
        try forEachDocument { text in
            try encoder.add(text, addSpecialTokens: true)
            return !encoder.isFull
        }
        return encoder.tokens
    }

    /// Reads the documents one after the other.
    /// - Parameter body: returns false where it wants no more.
    /// - Throws: as `tokens`, and what `body` throws.
    package func forEachDocument(_ body: (UTF8Span) throws -> Bool) throws {
        if hasLines {
            try forEachRecord { node, line in
                guard let text = node["text"] else {
                    throw error("an object with a field 'text' is expected", line: line)
                }
                guard let string = text.string else {
                    throw error("the field 'text' is expected to be a string", line: line)
                }
                return try body(string.utf8Span)
            }
        } else {
            var bytes: [UInt8] = []
            _ = try read { chunk in
                guard chunk.count <= documentLimit - bytes.count else {
                    throw error("the text has more than \(documentLimit) bytes; split it")
                }
                bytes += chunk
                return true
            }
            do {
                _ = try UTF8Span(validating: bytes.span)
            } catch {
                throw DocumentError(
                    file: path,
                    position: Self.position(of: error.byteOffsets.lowerBound, in: bytes.span),
                    reason: "the text is not UTF-8 from here on; convert it", exitCode: .data)
            }
            Self.unifyLineEnds(&bytes)
            _ = try body(UTF8Span(validating: bytes.span))
        }
    }

    /// Makes every CR LF and every CR one LF, as reading in Python's text mode does: the published
    /// WikiText-2 has CR LF, and perplexities are compared on what Python sees.
    private static func unifyLineEnds(_ bytes: inout [UInt8]) {
        let carriageReturn = UInt8(ascii: "\r")
        let lineFeed = UInt8(ascii: "\n")
        guard let first = bytes.firstIndex(of: carriageReturn) else { return }
        var end = first
        var index = first
        while index < bytes.count {
            let isReturn = bytes[index] == carriageReturn
            bytes[end] = isReturn ? lineFeed : bytes[index]
            end += 1
            let isPair = isReturn && index + 1 < bytes.count && bytes[index + 1] == lineFeed
            index += isPair ? 2 : 1
        }
        bytes.removeSubrange(end...)
    }

    /// Reads a JSON value a line, each with the line's number, whatever the file's name says. Blank lines
    /// are skipped.
    /// - Parameter body: returns false where it wants no more.
    /// - Throws: as `tokens`, and what `body` throws.
    package func forEachRecord(_ body: (Node, _ line: Int) throws -> Bool) throws {
        var line: [UInt8] = []
        var number = 1
        let isComplete = try read { chunk in
            var rest = chunk
            while let end = rest.firstIndex(of: 10) {
                try append(rest[..<end], to: &line, number)
                if try !record(line, number, body) { return false }
                line.removeAll(keepingCapacity: true)
                number += 1
                rest = rest[(end + 1)...]
            }
            try append(rest, to: &line, number)
            return true
        }
        if isComplete { _ = try record(line, number, body) }
    }

    private func append(
        _ bytes: ArraySlice<UInt8>, to line: inout [UInt8], _ number: Int
    ) throws(DocumentError) {
        guard bytes.count <= documentLimit - line.count else {
            throw error(
                "the line has more than \(documentLimit) bytes; split its document", line: number)
        }
        line += bytes
    }

    /// The value of one line.
    private func record(
        _ line: [UInt8], _ number: Int, _ body: (Node, Int) throws -> Bool
    ) throws -> Bool {
        if line.allSatisfy({ $0 == 0x20 || $0 == 9 || $0 == 13 }) { return true }
        let node: Node
        do {
            node = try JSON.parse(line, file: path)
        } catch {
            throw DocumentError(
                file: path, position: .init(line: number, column: error.position?.column ?? 1),
                reason: error.reason, exitCode: .data)
        }
        return try body(node, number)
    }

    /// Reads the file, decompressed, piece by piece.
    /// - Parameter body: returns false where it wants no more.
    /// - Returns: whether the end was reached.
    private func read(_ body: (ArraySlice<UInt8>) throws -> Bool) throws -> Bool {
        // A FIFO would block without O_NONBLOCK.
        let file = try File(path, O_RDONLY | O_NONBLOCK)
        let type = try file.status().st_mode & S_IFMT
        guard type == S_IFREG else {
            throw SystemError("read", path, errno: type == S_IFDIR ? EISDIR : EINVAL)
        }
        try checkHead(of: file)
        guard isCompressed else {
            while true {
                let chunk = try file.readAll(limit: Self.chunk)
                if chunk.isEmpty { return true }
                if try !body(chunk[...]) { return false }
            }
        }
        var decoder = try GzipDecoder(path: path)
        while true {
            let chunk = try file.readAll(limit: Self.chunk)
            if chunk.isEmpty { break }
            if try !decoder.decode(chunk, body) { return false }
        }
        try decoder.finish()
        return true
    }

    private static let chunk = 1 << 20

    /// - Throws: `DocumentError` where a page or a pointer stands in place of the text.
    private func checkHead(of file: borrowing File) throws {
        if path.hasSuffix(".html") || path.hasSuffix(".htm") { return }
        let head = UnsafeMutableRawBufferPointer.allocate(
            byteCount: MistakenContents.headSize, alignment: 16)
        defer { head.deallocate() }
        let count = try file.read(into: head, at: 0)
        if let text = MistakenContents.text(of: head.prefix(count)) { throw error(text) }
    }

    /// - Parameter offset: what stands before it is valid UTF-8.
    private static func position(of offset: Int, in bytes: Span<UInt8>) -> Node.Position {
        var line = 1
        var column = 1
        for index in 0..<offset {
            if bytes[index] == 10 {
                line += 1
                column = 1
            } else if bytes[index] & 0xC0 != 0x80 {
                column += 1
            }
        }
        return .init(line: line, column: column)
    }

    private func error(_ reason: String, line: Int? = nil) -> DocumentError {
        DocumentError(
            file: path, position: line.map { .init(line: $0, column: 1) }, reason: reason,
            exitCode: .data)
    }
}
