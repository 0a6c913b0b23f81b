import Documents

/// `tokenizer.model` as SentencePiece writes it: a message of Protocol Buffers.
///
/// Source: `sentencepiece_model.proto` of SentencePiece. What stands in it beside the fields here,
/// transformers does not look at when it makes a tokenizer of such a file.
struct SentencePieceFile: Sendable {
    struct Piece: Sendable {
        var text: [UInt8] = []
        var score: Float = 0
        var kind: UInt64 = 1

        var isControl: Bool { kind == 3 }
        var isUserDefined: Bool { kind == 4 }
    }

    private(set) var pieces: [Piece] = []
    private(set) var isUnigram = true
    private(set) var fallsBackToBytes = false
    private(set) var charsMap: [UInt8] = []
    /// Ids of the unknown token and those around a text, -1: none; and how they are written.
    private(set) var unknown: (id: Int32, text: String) = (0, "<unk>")
    private(set) var begin: (id: Int32, text: String) = (1, "<s>")
    private(set) var end: (id: Int32, text: String) = (2, "</s>")

    let path: String

    /// - Parameters:
    ///   - path: for errors.
    ///   - memory: what reading it may take at most, in bytes.
    init(_ bytes: [UInt8], path: String, memory: Int) throws(DocumentError) {
        self.path = path
        do throws(ProtobufReader.Failure) {
            try read(bytes, memory: memory)
        } catch {
            throw DocumentError(
                file: path, position: nil,
                reason: "is no model of SentencePiece: \(error.reason), at byte \(error.offset). "
                    + "If it is one of tiktoken, make a tokenizer.json of it: "
                    + "AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)",
                exitCode: .data)
        }
    }

    private mutating func read(
        _ bytes: [UInt8], memory: Int
    ) throws(ProtobufReader.Failure) {
        // First how many there are: an empty piece takes two bytes there, and many more here.
        var count = 0
        var counter = ProtobufReader(bytes, bytes.indices)
        while let (field, _) = try counter.next() { if field == 1 { count += 1 } }
        guard count > 0 else { throw .init(offset: 0, reason: "it has no pieces") }
        let needed = 4 * bytes.count + 512 * count
        guard needed <= memory else {
            throw .init(
                offset: 0, reason: "its \(count) pieces need \(needed) bytes, more than there are")
        }
        pieces.reserveCapacity(count)
        var reader = ProtobufReader(bytes, bytes.indices)
        while case let start = reader.offset, let (field, value) = try reader.next() {
            guard case .bytes(let range) = value else { continue }
            switch field {
            case 1: pieces.append(try Self.piece(bytes, range))
            case 2: try readTraining(bytes, range)
            case 3:
                var inner = ProtobufReader(bytes, range)
                while let (field, value) = try inner.next() {
                    if field == 2, case .bytes(let range) = value { charsMap = Array(bytes[range]) }
                }
            default: break
            }
            if pieces.count > count { throw .init(offset: start, reason: "it has too many pieces") }
        }
    }

    private static func text(
        _ bytes: [UInt8], _ range: Range<Int>
    ) throws(ProtobufReader.Failure) -> String {
        guard let text = String(validating: bytes[range], as: UTF8.self) else {
            throw .init(offset: range.lowerBound, reason: "a text is not UTF-8")
        }
        return text
    }

    private static func piece(
        _ bytes: [UInt8], _ range: Range<Int>
    ) throws(ProtobufReader.Failure) -> Piece {
        var piece = Piece()
        var reader = ProtobufReader(bytes, range)
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (1, .bytes(let range)): piece.text = Array(try text(bytes, range).utf8)
            case (2, .float(let score)): piece.score = score
            case (3, .integer(let kind)): piece.kind = kind
            default: break
            }
        }
        return piece
    }

    private mutating func readTraining(
        _ bytes: [UInt8], _ range: Range<Int>
    ) throws(ProtobufReader.Failure) {
        var reader = ProtobufReader(bytes, range)
        while let (field, value) = try reader.next() {
            switch (field, value) {
            case (3, .integer(let kind)): isUnigram = kind == 1
            case (35, .integer(let flag)): fallsBackToBytes = flag != 0
            case (40, .integer(let id)): unknown.id = Int32(truncatingIfNeeded: id)
            case (41, .integer(let id)): begin.id = Int32(truncatingIfNeeded: id)
            case (42, .integer(let id)): end.id = Int32(truncatingIfNeeded: id)
            case (45, .bytes(let range)): unknown.text = try Self.text(bytes, range)
            case (46, .bytes(let range)): begin.text = try Self.text(bytes, range)
            case (47, .bytes(let range)): end.text = try Self.text(bytes, range)
            default: break
            }
        }
    }
}
