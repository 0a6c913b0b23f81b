import Documents

extension SentencePieceFile {
    /// The longest token whose parts are looked for: that takes the square of its length.
    private static let longest = 512

    /// Pieces and their ids; of equal ones the last.
    var vocabulary: ByteTable {
        var table = ByteTable(capacity: pieces.count)
        for (id, piece) in pieces.enumerated() { table.set(piece.text.span, to: Int32(id)) }
        return table
    }

    /// A merge for each way in which a token is two others, in the order of the merged token's id
    /// and then of the first one's length.
    ///
    /// Source: `generate_merges` of transformers' `tokenization_utils_base.py`.
    /// - Parameter names: the vocabulary with other names for some pieces, which can then be no
    ///   part
    ///   of a merge.
    func merges(
        _ vocabulary: ByteTable, names: ByteTable
    ) throws(DocumentError) -> RankedMerges {
        var found: [(piece: Int32, boundary: Int32)] = []
        for (id, piece) in pieces.enumerated() {
            let text = piece.text.span
            // Of equal pieces the last one counts.
            guard vocabulary.value(of: text) == Int32(id) else { continue }
            guard text.count <= Self.longest else {
                throw DocumentError(
                    file: path, position: nil,
                    reason: "piece \(id) has \(text.count) bytes; at most \(Self.longest) are "
                        + "supported",
                    exitCode: .data)
            }
            for boundary in text.indices.dropFirst() where text[boundary] & 0xC0 != 0x80 {
                if vocabulary.value(of: text.extracting(0..<boundary)) != nil,
                    vocabulary.value(of: text.extracting(boundary..<text.count)) != nil
                {
                    found.append((Int32(id), Int32(boundary)))
                }
            }
        }
        var merges = RankedMerges(capacity: found.count)
        for (piece, boundary) in found {
            let text = pieces[Int(piece)].text
            guard let missing = merges.add(text.span, Int(boundary), names) else { continue }
            throw DocumentError(
                file: path, position: nil,
                reason: "others are made of the piece "
                    + quoted(String(decoding: text[missing], as: UTF8.self))
                    + ", which has another name in added_tokens_decoder of tokenizer_config.json",
                exitCode: .data)
        }
        return merges
    }
}
