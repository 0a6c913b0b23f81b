import Documents

/// `vocab.json` and `merges.txt`, as GPT-2 came with them.
///
/// Source: `BPE::read_file` and `convert_merges_to_hashmap` of the tokenizers library.
struct VocabularyFiles: Sendable {
    let vocabulary: ByteTable
    let merges: RankedMerges

    /// - Parameters:
    ///   - tokens: `vocab.json`, parsed.
    ///   - lines: the contents of `merges.txt`.
    ///   - path: of `merges.txt`, for errors.
    init(_ tokens: Field, _ lines: [UInt8], path: String) throws(DocumentError) {
        vocabulary = try TokenModel.vocabulary(tokens)
        guard (try? UTF8Span(validating: lines.span)) != nil else {
            throw DocumentError(
                file: path, position: nil, reason: "is not UTF-8", exitCode: .data)
        }
        var texts = lines.split(separator: 10, omittingEmptySubsequences: false)
        if texts.last?.isEmpty == true { texts.removeLast() }
        var merges = RankedMerges(capacity: texts.count)
        var joined: [UInt8] = []
        for (number, text) in texts.enumerated() {
            func error(_ reason: String) -> DocumentError {
                DocumentError(
                    file: path, position: .init(line: number + 1, column: 1), reason: reason,
                    exitCode: .data)
            }
            let line = text.last == 13 ? text.dropLast() : text
            if line.starts(with: "#version".utf8) { continue }
            guard let space = line.firstIndex(of: 0x20),
                line[(space + 1)...].firstIndex(of: 0x20) == nil
            else { throw error("two tokens with one space between them are expected") }
            joined.removeAll(keepingCapacity: true)
            joined += line[..<space]
            let boundary = joined.count
            joined += line[(space + 1)...]
            if let missing = merges.add(joined.span, boundary, vocabulary) {
                let name = String(decoding: joined[missing], as: UTF8.self)
                throw error("\(quoted(name)) is not in vocab.json")
            }
        }
        self.merges = merges
    }
}
