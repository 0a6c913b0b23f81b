import Posix

/// Scans bytes that are known to be UTF-8 into a node; one pass, and recursion as deep as allowed.
struct JSONReader {
    let source: Source
    let bytes: UnsafePointer<UInt8>
    let count: Int
    private let maximumDepth: Int
    var offset = 0
    private var line = 1
    /// Where column 1 of the line would be if each of its scalars so far were one byte.
    var lineStart = 0
    var unescaped: [UInt8] = []
    /// Of a key that stands in an object more than once the last value counts, as in Python;
    /// otherwise such a key is refused.
    private let lastCounts: Bool
    /// Whether numbers are what serde_json makes of them.
    let readsAsSerde: Bool
    /// The later members of such keys.
    private(set) var repeated: [Node.Member] = []
    /// Bytes that the nodes may still take: more than any document needs that programs write,
    /// unless whoever reads it has less.
    var memoryLeft: Int

    /// Stands for the end of the document, where no byte is; NUL itself is refused everywhere.
    private static let end: UInt8 = 0

    init(
        _ source: Source, maximumDepth: Int, lastCounts: Bool = false, readsAsSerde: Bool = false
    ) throws(DocumentError) {
        guard let bytes = source.bytes.bindMemory(to: UInt8.self).baseAddress else {
            throw source.error("found the end of the document; expected a value", offset: 0)
        }
        self.source = source
        self.bytes = bytes
        count = source.bytes.count
        self.maximumDepth = maximumDepth
        self.lastCounts = lastCounts
        self.readsAsSerde = readsAsSerde
        memoryLeft = 16 << 20
        let (product, overflow) = count.multipliedReportingOverflow(by: 16)
        memoryLeft += overflow ? .max >> 1 : min(product, .max >> 1)
    }

    mutating func document() throws(DocumentError) -> Node {
        if count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF {
            throw source.error(
                "found a byte order mark; expected JSON without one", offset: 0)
        }
        skipSpace()
        let node = try value(depth: 0)
        skipSpace()
        if offset < count { throw unexpected("nothing after the end of the document") }
        return node
    }

    var byte: UInt8 { offset < count ? bytes[offset] : Self.end }

    private var position: Node.Position {
        Node.Position(line: line, column: offset - lineStart + 1)
    }

    private mutating func skipSpace() {
        while offset < count {
            switch bytes[offset] {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): offset += 1
            case UInt8(ascii: "\n"):
                offset += 1
                line += 1
                lineStart = offset
            default: return
            }
        }
    }

    private mutating func value(depth: Int) throws(DocumentError) -> Node {
        let start = position
        try spend(MemoryLayout<Node>.stride)
        switch byte {
        case UInt8(ascii: "\""): return Node(.string(try string()), at: start)
        case UInt8(ascii: "{"):
            try checkDepth(depth)
            return Node(.object(try object(depth: depth + 1)), at: start)
        case UInt8(ascii: "["):
            try checkDepth(depth)
            return Node(.array(try array(depth: depth + 1)), at: start)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return Node(try number(), at: start)
        case UInt8(ascii: "t"):
            try word("true")
            return Node(.bool(true), at: start)
        case UInt8(ascii: "f"):
            try word("false")
            return Node(.bool(false), at: start)
        case UInt8(ascii: "n"):
            try word("null")
            return Node(.null, at: start)
        default: throw unexpected("a value")
        }
    }

    /// What the allocator and Swift put before an array's elements or a string's text.
    static let box = 48

    /// Memory has to be near the size of the text, and a text of empty arrays has many values.
    mutating func spend(_ bytes: Int) throws(DocumentError) {
        memoryLeft -= bytes
        if memoryLeft < 0 {
            throw source.error(
                "the document's values take more memory than there is for its \(count) bytes",
                offset: offset)
        }
    }

    private func checkDepth(_ depth: Int) throws(DocumentError) {
        if depth >= maximumDepth {
            throw source.error(
                "nested too deeply; expected at most \(maximumDepth) levels", offset: offset)
        }
    }

    private mutating func word(_ word: StaticString) throws(DocumentError) {
        let length = word.utf8CodeUnitCount
        for index in 0..<length
        where offset + index >= count || bytes[offset + index] != word.utf8Start[index] {
            throw unexpected("a value")
        }
        offset += length
    }

    private mutating func array(depth: Int) throws(DocumentError) -> [Node] {
        var elements: [Node] = []
        offset += 1
        skipSpace()
        if byte == UInt8(ascii: "]") {
            offset += 1
            return elements
        }
        while true {
            if elements.isEmpty { try spend(Self.box) }
            elements.append(try value(depth: depth))
            skipSpace()
            switch byte {
            case UInt8(ascii: ","): offset += 1
            case UInt8(ascii: "]"):
                offset += 1
                return elements
            default: throw unexpected("',' or ']'")
            }
            skipSpace()
        }
    }

    private mutating func object(depth: Int) throws(DocumentError) -> [Node.Member] {
        var members: [Node.Member] = []
        offset += 1
        skipSpace()
        if byte == UInt8(ascii: "}") {
            offset += 1
            return members
        }
        while true {
            let start = position
            if byte != UInt8(ascii: "\"") {
                throw unexpected(
                    members.isEmpty ? "a key in double quotes or '}'" : "a key in double quotes")
            }
            try spend(MemoryLayout<Node.Member>.stride - MemoryLayout<Node>.stride)
            let key = try string()
            skipSpace()
            if byte != UInt8(ascii: ":") { throw unexpected("':'") }
            offset += 1
            skipSpace()
            members.append(
                Node.Member(key: key, position: start, value: try value(depth: depth)))
            skipSpace()
            switch byte {
            case UInt8(ascii: ","): offset += 1
            case UInt8(ascii: "}"):
                offset += 1
                guard let (first, second) = Node.duplicates(in: members) else { return members }
                if !lastCounts { throw source.duplicate(second, of: first) }
                return withoutRepeated(members)
            default: throw unexpected("',' or '}'")
            }
            skipSpace()
        }
    }

    /// Each key once, in the place of its first member and with the value of its last one.
    private mutating func withoutRepeated(_ members: [Node.Member]) -> [Node.Member] {
        var places: [Node.Key: Int] = [:]
        var result: [Node.Member] = []
        for member in members {
            if let place = places[Node.Key(member.key)] {
                result[place] = member
                repeated.append(member)
            } else {
                places[Node.Key(member.key)] = result.count
                result.append(member)
            }
        }
        return result
    }

    /// An error about what stands at `offset`.
    func unexpected(_ expected: String) -> DocumentError {
        let found: String
        if offset >= count {
            found = "the end of the document"
        } else if isLetter(bytes[offset]) {
            var end = offset
            while end < count, isLetter(bytes[end]), end - offset < 32 { end += 1 }
            found = "'\(text(offset..<end))'"
        } else {
            var end = offset + 1
            while end < count, bytes[end] & 0xC0 == 0x80 { end += 1 }
            found = "'\(escaped(text(offset..<end)))'"
        }
        return source.error("found \(found); expected \(expected)", offset: offset)
    }

    private func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    func text(_ range: Range<Int>) -> String {
        String(
            decoding: UnsafeBufferPointer(start: bytes + range.lowerBound, count: range.count),
            as: UTF8.self)
    }
}
