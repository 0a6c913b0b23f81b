import Documents

/// Plain text, read as one document in pieces: its line ends are made LF in a file, as reading in
/// Python's text mode does. The published WikiText-2 has CR LF, and perplexities are compared on
/// what Python sees.
struct PlainText {
    /// Bytes of text that are encoded at once.
    static let piece = 1 << 20

    private let source: TextSource

    init(_ source: TextSource) { self.source = source }

    /// - Parameters:
    ///   - cuts: where the text may be cut; nil: nowhere.
    ///   - body: gets a piece, and whether it is the first and the last one; returns false where it
    ///     wants no more.
    /// - Throws: `DocumentError` also where the text is not UTF-8, or a piece would be larger than
    ///   `documentLimit`.
    func forEachPiece(
        _ cuts: TextCuts?, _ body: (UTF8Span, _ isStart: Bool, _ isEnd: Bool) throws -> Bool
    ) throws {
        var buffer: [UInt8] = []
        // How much of it was searched for a place to cut.
        var searched = 0
        var place = Node.Position(line: 1, column: 1)
        var isStart = true
        var endsInReturn = false
        func hand(_ end: Int, isEnd: Bool) throws -> Bool {
            let text = buffer.span.extracting(0..<end)
            do {
                _ = try UTF8Span(validating: text)
            } catch {
                Self.advance(&place, over: text.extracting(0..<error.byteOffsets.lowerBound))
                throw DocumentError(
                    file: source.path, position: place,
                    reason: "the text is not UTF-8 from here on; convert it", exitCode: .data)
            }
            let goesOn = try body(UTF8Span(validating: text), isStart, isEnd)
            Self.advance(&place, over: text)
            isStart = false
            return goesOn
        }
        let isComplete = try source.read { chunk in
            if source.isRaw {
                buffer += chunk
            } else {
                Self.append(chunk, to: &buffer, &endsInReturn)
            }
            if let cuts, buffer.count >= min(Self.piece, source.documentLimit) {
                let end = cuts.last(in: buffer.span, from: searched, to: buffer.count, orEnd: false)
                searched = max(0, buffer.count - 8)
                if end > 0 {
                    if try !hand(end, isEnd: false) { return false }
                    buffer.removeSubrange(..<end)
                    searched = 0
                }
            }
            guard buffer.count <= source.documentLimit else {
                throw source.error(
                    cuts == nil
                        ? "the text has more than \(source.documentLimit) bytes, and this "
                            + "tokenizer needs it as a whole; split it into documents, as JSON "
                            + "Lines"
                        : "the text has more than \(source.documentLimit) bytes without a word's "
                            + "end; split it",
                    line: cuts == nil ? nil : place.line)
            }
            return true
        }
        if isComplete { _ = try hand(buffer.count, isEnd: true) }
    }

    /// Appends with every CR LF and every CR as one LF.
    private static func append(
        _ chunk: ArraySlice<UInt8>, to buffer: inout [UInt8], _ endsInReturn: inout Bool
    ) {
        let (carriageReturn, lineFeed) = (UInt8(ascii: "\r"), UInt8(ascii: "\n"))
        var rest = chunk
        if endsInReturn, rest.first == lineFeed { rest = rest.dropFirst() }
        endsInReturn = chunk.last == carriageReturn
        while let place = rest.firstIndex(of: carriageReturn) {
            buffer += rest[..<place]
            buffer.append(lineFeed)
            rest = rest[(place + 1)...]
            if rest.first == lineFeed { rest = rest.dropFirst() }
        }
        buffer += rest
    }

    private static func advance(_ place: inout Node.Position, over text: Span<UInt8>) {
        var (line, column) = (place.line, place.column)
        for index in text.indices {
            if text[index] == 10 {
                line += 1
                column = 1
            } else if text[index] & 0xC0 != 0x80 {
                column += 1
            }
        }
        place = .init(line: line, column: column)
    }
}
