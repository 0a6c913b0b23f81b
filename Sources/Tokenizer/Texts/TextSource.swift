import Documents
import Glibc
import Posix

/// A file with text for calibration or evaluation, or with questions.
///
/// `.jsonl`, `.json`, `.ndjson` and `.jsonlines` have a document a line, an object whose field
/// `text` is used; anything else is plain text and one document, its line ends made LF. Each may be
/// compressed with gzip, which is known by its first bytes. A byte order mark at the start is no
/// text.
///
/// A file is read piece by piece: memory is needed for its largest document at most, and for plain
/// text only where the tokenizer does not tell where it may be cut.
package struct TextSource: Sendable {
    package let path: String
    /// The most bytes that a line, or a document that cannot be cut, may have: memory for a few
    /// times as much is needed.
    package let documentLimit: Int
    private let followSymlinks: Bool
    /// Where a stream is read from; nil: the file is.
    private let stream: CInt?
    private let check: @Sendable () throws -> Void

    /// - Parameter check: called between pieces; what it throws ends the reading.
    package init(
        path: String, documentLimit: Int = Int(Int32.max), followSymlinks: Bool = true,
        check: @escaping @Sendable () throws -> Void = {}
    ) {
        self.path = path
        self.documentLimit = documentLimit
        self.followSymlinks = followSymlinks
        self.check = check
        stream = nil
    }

    /// A stream of plain text, as it is: neither its line ends nor a mark at its start are changed.
    /// - Parameter name: for messages.
    package init(stream: CInt, name: String) {
        path = name
        documentLimit = Int(Int32.max)
        followSymlinks = true
        self.stream = stream
        check = {}
    }

    /// Whether the text is encoded as it is.
    var isRaw: Bool { stream != nil }

    /// The tokens of all documents, each with its special tokens, joined in the order of the file.
    /// - Parameter stopAfter: no more than so many are wanted; the rest of the file is not read.
    /// - Throws: `SystemError` where the file cannot be read, `DocumentError` where it is not what
    ///   its name says or not UTF-8, with the place.
    package func tokens(
        with tokenizer: Tokenizer, stopAfter limit: Int = .max
    ) throws -> [Int32] {
        var tokens: [Int32] = []
        try forEachPiece(with: tokenizer, stopAfter: limit) { piece in
            tokens += piece
            return true
        }
        return tokens
    }

    /// The same, as they come; pieces are of some hundred thousand tokens, or a whole document's.
    /// - Parameter body: returns false where it wants no more.
    /// - Returns: the bytes of the largest document that had to be held as a whole.
    @discardableResult
    package func forEachPiece(
        with tokenizer: Tokenizer, stopAfter limit: Int = .max, _ body: ([Int32]) throws -> Bool
    ) throws -> Int {
        var encoder = Encoder(tokenizer, limit: limit, isStopped: { (try? check()) == nil })
        if encoder.isFull { return 0 }
        var largest = 0
        func add(
            _ encoder: inout Encoder, _ text: UTF8Span, isStart: Bool, isEnd: Bool
        ) throws -> Bool {
            do {
                try encoder.add(
                    text, addSpecialTokens: true, isStart: isStart, isEnd: isEnd)
            } catch {
                // It may have stopped because it was told to.
                try check()
                throw error
            }
            return try body(encoder.take()) && !encoder.isFull
        }
        if let cuts = tokenizer.cuts, try !hasLines() {
            try PlainText(self).forEachPiece(cuts) {
                try add(&encoder, $0, isStart: $1, isEnd: $2)
            }
            return 0
        }
        try forEachDocument { document in
            largest = max(largest, document.span.count)
            guard let cuts = tokenizer.cuts else {
                return try add(&encoder, document, isStart: true, isEnd: true)
            }
            let text = document.span
            var start = 0
            while true {
                let end = cuts.last(in: text, from: start, to: start + PlainText.piece)
                // Cut before a space, so that both parts are whole characters.
                let piece = try UTF8Span(validating: text.extracting(start..<end))
                let goesOn = try add(
                    &encoder, piece, isStart: start == 0, isEnd: end == text.count)
                if !goesOn || end == text.count { return goesOn }
                start = end
            }
        }
        return largest
    }

    /// Reads the documents one after the other.
    /// - Parameter body: returns false where it wants no more.
    /// - Throws: as `tokens`, and what `body` throws.
    package func forEachDocument(_ body: (UTF8Span) throws -> Bool) throws {
        guard try hasLines() else {
            return try PlainText(self).forEachPiece(nil) { text, _, _ in try body(text) }
        }
        try forEachRecord { node, line in
            guard let text = node["text"] else {
                throw error("an object with a field 'text' is expected", line: line)
            }
            guard let string = text.string else {
                throw error("the field 'text' is expected to be a string", line: line)
            }
            return try body(string.utf8Span)
        }
    }

    /// Reads a JSON value a line, each with the line's number, whatever the file's name says. Blank
    /// lines are skipped.
    /// - Parameter body: returns false where it wants no more.
    /// - Throws: as `tokens`, and what `body` throws.
    package func forEachRecord(_ body: (Node, _ line: Int) throws -> Bool) throws {
        if TextKind.isSingleDocument(head: try head()) {
            throw error(
                "it is one JSON document, not one a line; make it JSON Lines, with an object a "
                    + "line (jq -c '.[]' FILE, or jq -c . FILE where it is a single "
                    + "object)", line: 1)
        }
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
                reason: error.reason
                    + (error.reason.contains("the end of the document")
                        ? "; each object has to be on one line" : ""),
                exitCode: .data)
        }
        return try body(node, number)
    }
}

extension TextSource {
    func error(_ reason: String, line: Int? = nil) -> DocumentError {
        DocumentError(
            file: path, position: line.map { .init(line: $0, column: 1) }, reason: reason,
            exitCode: .data)
    }

    /// Whether there is an object a line.
    /// - Throws: where the file is neither that nor plain text.
    private func hasLines() throws -> Bool {
        if isRaw { return false }
        let head = try head()
        if TextKind.hasLines(path: path) { return true }
        let text = TextKind.withoutMark(head)
        var lines = text.split(separator: 10)
        // The last one may go on.
        if head.count >= Self.headSize, lines.count > 1 { lines.removeLast() }
        lines.removeAll { $0.allSatisfy { $0 == 0x20 || $0 == 9 || $0 == 13 } }
        let isCut = head.count >= Self.headSize && lines.count == 1
        let areObjects = lines.allSatisfy { line in
            let start = line.drop { $0 == 0x20 || $0 == 9 }
            guard start.first == UInt8(ascii: "{") else { return false }
            if isCut { return start.dropFirst().first { $0 != 0x20 } == UInt8(ascii: "\"") }
            return (try? JSON.parse(Array(line), file: path))?.members?.isEmpty == false
        }
        if !lines.isEmpty, areObjects {
            throw error(
                "its lines are JSON objects; name it .jsonl, so that their field 'text' is read")
        }
        return false
    }

    /// Bytes at the start of a file, decompressed, that say what it is.
    private static let headSize = 1 << 16

    /// - Throws: where they are of something that is not read.
    private func head() throws -> [UInt8] {
        var head: [UInt8] = []
        _ = try readBytes { chunk in
            head += chunk.prefix(Self.headSize - head.count)
            return head.count < Self.headSize
        }
        if let refusal = TextKind.refusal(path: path, head: head) { throw error(refusal) }
        return head
    }

    /// Reads the file, decompressed and without its byte order mark, piece by piece.
    /// - Parameter body: returns false where it wants no more.
    /// - Returns: whether the end was reached.
    func read(_ body: (ArraySlice<UInt8>) throws -> Bool) throws -> Bool {
        var start: [UInt8]? = []
        let isComplete = try readBytes { chunk in
            try check()
            guard !isRaw, var first = start else { return try body(chunk) }
            first += chunk
            start = first.count < 3 ? first : nil
            return try start != nil || body(TextKind.withoutMark(first))
        }
        // A file of two bytes.
        if isComplete, let rest = start, !rest.isEmpty { return try body(rest[...]) }
        return isComplete
    }

    private func readBytes(_ body: (ArraySlice<UInt8>) throws -> Bool) throws -> Bool {
        if let stream {
            // It is the caller's to close.
            let copy = dup(stream)
            if copy < 0 { throw SystemError("read", path) }
            let file = File(owning: copy, path: path)
            while true {
                let chunk = try file.readAll(limit: Self.chunk)
                if chunk.isEmpty { return true }
                if try !body(chunk[...]) { return false }
            }
        }
        if let refusal = TextKind.refusal(path: path) { throw error(refusal) }
        // A FIFO would block without O_NONBLOCK.
        let file = try File(path, O_RDONLY | O_NONBLOCK, followSymlinks: followSymlinks)
        let type = try file.status().st_mode & S_IFMT
        guard type == S_IFREG else {
            throw SystemError("read", path, errno: type == S_IFDIR ? EISDIR : EINVAL)
        }
        var chunk = try file.readAll(limit: Self.chunk)
        guard chunk.starts(with: [0x1F, 0x8B]) || TextKind.isGzip(path) else {
            while !chunk.isEmpty {
                if try !body(chunk[...]) { return false }
                chunk = try file.readAll(limit: Self.chunk)
            }
            return true
        }
        // What is not compressed at all is told by what it is.
        if !chunk.starts(with: [0x1F, 0x8B]),
            let refusal = TextKind.refusal(path: path, head: chunk)
        {
            throw error(refusal)
        }
        var decoder = try GzipDecoder(path: path)
        while !chunk.isEmpty {
            if try !decoder.decode(chunk, body) { return false }
            chunk = try file.readAll(limit: Self.chunk)
        }
        try decoder.finish()
        return true
    }

    private static let chunk = 1 << 18
}
