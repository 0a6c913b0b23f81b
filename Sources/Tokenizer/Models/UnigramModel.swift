import Documents

/// `model` of the type `Unigram`: of all ways to cut a word into tokens that with the highest sum
/// of scores.
///
/// Source: `encode_optimized` in `models/unigram/model.rs` of the tokenizers library, after
/// SentencePiece's `EncodeOptimized`.
struct UnigramModel: Sendable {
    /// Tokens and their ids; of equal ones the last.
    let vocabulary: ByteTable
    /// With equal ones.
    let tokenCount: Int
    private let scores: [Double]
    private let trie: PieceTrie
    private let unknownToken: Int32?
    private let unknownScore: Double
    /// nil: no `byte_fallback`.
    private let byteTokens: [Int32]?

    /// What a path that ends at a place of a word is made of.
    struct Node {
        fileprivate var score = 0.0
        /// -1: no path ends here.
        fileprivate var start: Int32 = -1
        fileprivate var token: Int32 = -1
    }

    typealias Piece = (token: [UInt8], score: Double)

    init(_ field: Field) throws(DocumentError) {
        let vocabulary = field["vocab"]
        guard let nodes = vocabulary.node?.array else { throw vocabulary.expected("an array") }
        var pieces: [Piece] = []
        pieces.reserveCapacity(nodes.count)
        for (index, node) in nodes.enumerated() {
            guard let pair = node.array, pair.count == 2, let token = pair[0].string,
                let score = pair[1].double
            else {
                throw Field(file: field.file, path: "\(vocabulary.path)[\(index)]", node: node)
                    .error("a token and its score are expected")
            }
            pieces.append((Array(token.utf8), score))
        }
        let unknown = field["unk_id"]
        try self.init(
            pieces, unknownToken: unknown.isNull ? nil : try unknown.token(),
            fallsBackToBytes: try field["byte_fallback"].bool(default: false), at: field)
    }

    init(
        _ pieces: [Piece], unknownToken: Int32?, fallsBackToBytes: Bool, at field: Field
    ) throws(DocumentError) {
        var vocabulary = ByteTable(capacity: pieces.count)
        for (id, piece) in pieces.enumerated() {
            guard piece.token.count <= TokenModel.longestToken else {
                throw field["vocab"].error(
                    "token \(id) has \(piece.token.count) bytes, more than "
                        + "\(TokenModel.longestToken)")
            }
            guard !piece.score.isNaN else { throw field["vocab"].error("a score is no number") }
            vocabulary.set(piece.token.span, to: Int32(id))
        }
        if let unknownToken, unknownToken >= pieces.count {
            throw field["unk_id"].error("the vocabulary has only \(pieces.count) tokens")
        }
        self.vocabulary = vocabulary
        self.unknownToken = unknownToken
        tokenCount = pieces.count
        scores = pieces.map(\.score)
        // What the library adds for a character that no token covers.
        unknownScore = (scores.min() ?? .infinity) - 10
        trie = PieceTrie(
            pieces.enumerated().filter { !$0.element.token.isEmpty }.map {
                ($0.element.token, Int32($0.offset))
            })
        byteTokens = fallsBackToBytes ? TokenModel.byteTokens(vocabulary) : nil
    }

    /// Appends the tokens of a word.
    /// - Parameter nodes: working memory.
    /// - Returns: false where a character is in no token and the model has no unknown one.
    func append(
        _ word: Span<UInt8>, to tokens: inout [Int32], _ nodes: inout [Node]
    ) -> Bool {
        nodes.removeAll(keepingCapacity: true)
        nodes.append(contentsOf: repeatElement(Node(), count: word.count + 1))
        var start = 0
        while start < word.count {
            let length = word.scalar(at: start).length
            let score = nodes[start].score
            var isCovered = false
            var walk = PieceTrie.Walk()
            var end = start
            while end < word.count, trie.step(&walk, word[end]) {
                end += 1
                let token = trie.value(walk)
                if token < 0 { continue }
                Self.offer(
                    &nodes[end], score: scores[Int(token)] + score, start: start, token: token)
                if end - start == length { isCovered = true }
            }
            if !isCovered {
                guard let unknownToken else { return false }
                Self.offer(
                    &nodes[start + length], score: unknownScore + score, start: start,
                    token: unknownToken)
            }
            start += length
        }
        collect(word, nodes, &tokens)
        return true
    }

    @inline(__always)
    private static func offer(_ node: inout Node, score: Double, start: Int, token: Int32) {
        if node.start < 0 || score > node.score {
            node = Node(score: score, start: Int32(truncatingIfNeeded: start), token: token)
        }
    }

    /// Follows the best path back from the word's end. Unknown tokens in a row become one.
    private func collect(_ word: Span<UInt8>, _ nodes: [Node], _ tokens: inout [Int32]) {
        let first = tokens.count
        var end = word.count
        while end > 0 {
            let node = nodes[end]
            var start = Int(node.start)
            if node.token != unknownToken {
                tokens.append(node.token)
                end = start
                continue
            }
            while start > 0, nodes[start].token == unknownToken { start = Int(nodes[start].start) }
            appendUnknown(word.extracting(start..<end), to: &tokens)
            end = start
        }
        tokens[first...].reverse()
    }

    /// The tokens of a piece that is unknown, the last one first.
    private func appendUnknown(_ piece: Span<UInt8>, to tokens: inout [Int32]) {
        if let token = vocabulary.value(of: piece) {
            tokens.append(token)
            return
        }
        if let byteTokens {
            let before = tokens.count
            for index in piece.indices.reversed() { tokens.append(byteTokens[Int(piece[index])]) }
            if !tokens[before...].contains(-1) { return }
            tokens.removeSubrange(before...)
        }
        if let unknownToken { tokens.append(unknownToken) }
    }
}
