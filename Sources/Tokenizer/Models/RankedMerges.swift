import Documents

/// The merges of a byte-pair encoding, in the order of their ranks.
struct RankedMerges: Sendable {
    private(set) var table: MergeTable
    /// The token of each rank's merge.
    private(set) var tokens: [Int32] = []
    /// Some merge joins what begins with SentencePiece's space to something that ends otherwise.
    private(set) var joinsSpaces = false
    private(set) var pairs = PairSet()
    /// Some merge has an empty part, so that `pairs` does not tell where nothing is merged.
    private(set) var hasEmptyPart = false

    init(capacity: Int) {
        table = MergeTable(capacity: capacity)
        tokens.reserveCapacity(capacity)
    }

    /// `"a b"`, or `["a", "b"]` since tokens may hold spaces.
    init(_ field: Field, _ vocabulary: ByteTable) throws(DocumentError) {
        guard let nodes = field.node?.array else { throw field.expected("an array") }
        self.init(capacity: nodes.count)
        var joined: [UInt8] = []
        for (index, node) in nodes.enumerated() {
            func error(_ reason: String) -> DocumentError {
                Field(file: field.file, path: "\(field.path)[\(index)]", node: node).error(reason)
            }
            let boundary: Int
            joined.removeAll(keepingCapacity: true)
            if let text = node.string {
                // A header line of merges.txt that some conversions have kept.
                if text.utf8.starts(with: "#version".utf8) { continue }
                joined.append(contentsOf: text.utf8)
                guard let space = joined.firstIndex(of: 0x20),
                    joined[(space + 1)...].firstIndex(of: 0x20) == nil
                else { throw error("two tokens with one space between them are expected") }
                joined.remove(at: space)
                boundary = space
            } else if let pair = node.array, pair.count == 2, let left = pair[0].string,
                let right = pair[1].string
            {
                joined.append(contentsOf: left.utf8)
                boundary = joined.count
                joined.append(contentsOf: right.utf8)
            } else {
                throw error("'a b' or ['a', 'b'] is expected")
            }
            if let missing = add(joined.span, boundary, vocabulary) {
                let name = String(decoding: joined[missing], as: UTF8.self)
                throw error("\(quoted(name)) is not in model.vocab")
            }
        }
    }

    /// Adds the merge of two tokens, which are joined here, with the next rank.
    /// - Parameter boundary: where the second one begins.
    /// - Returns: what of it is no token; nil where all is well.
    mutating func add(
        _ joined: Span<UInt8>, _ boundary: Int, _ vocabulary: ByteTable
    ) -> Range<Int>? {
        let ranges = [0..<boundary, boundary..<joined.count, 0..<joined.count]
        var ids: [Int32] = []
        for range in ranges {
            guard let id = vocabulary.value(of: joined.extracting(range)) else { return range }
            ids.append(id)
        }
        let space = BytePairModel.space
        if !joinsSpaces, joined.starts(with: space, at: boundary),
            boundary < space.count || !joined.starts(with: space, at: boundary - space.count)
        {
            joinsSpaces = true
        }
        if boundary > 0, boundary < joined.count {
            pairs.insert(
                joined.scalar(before: boundary).value, joined.scalar(at: boundary).value)
        } else {
            hasEmptyPart = true
        }
        table.set(ids[0], ids[1], to: .init(rank: UInt32(tokens.count), token: ids[2]))
        tokens.append(ids[2])
        return nil
    }
}
