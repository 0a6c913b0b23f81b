import Documents
import Posix

/// What a file of text is, by its name and its first bytes.
enum TextKind {
    /// Of these endings, in any case and before `.gz`: an object a line.
    private static let lineEndings = ["jsonl", "json", "ndjson", "jsonlines"]

    private static let tables = ["csv", "tsv", "parquet", "arrow", "feather", "orc", "avro"]
    private static let compressed = ["zst", "zstd", "xz", "bz2", "zip", "7z", "lz4", "lzma", "rar"]
    private static let documents = ["pdf", "docx", "doc", "odt", "rtf", "epub"]

    private static let advice =
        "write it as JSON Lines, an object with the field 'text' a line, or as plain text"

    private static let magics: [(bytes: [UInt8], what: String, advice: String)] = [
        (Array("PAR1".utf8), "a Parquet file", advice),
        (Array("ARROW1".utf8), "an Arrow file", advice),
        (Array("ORC".utf8), "an ORC file", advice),
        (Array("Obj\u{1}".utf8), "an Avro file", advice),
        ([0x28, 0xB5, 0x2F, 0xFD], "compressed with zstd", unpack),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "compressed with xz", unpack),
        ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7z archive", unpack),
        ([0x04, 0x22, 0x4D, 0x18], "compressed with lz4", unpack),
        (Array("PK\u{3}\u{4}".utf8), "a zip archive", unpack),
        (Array("Rar!\u{1A}\u{7}".utf8), "a rar archive", unpack),
        (Array("%PDF-".utf8), "a PDF document", advice),
        (Array("GGUF".utf8), "a model's weights", advice),
        ([0x93] + Array("NUMPY".utf8), "a NumPy array", advice),
        ([0x89] + Array("HDF\r\n".utf8), "an HDF5 file", advice),
        (Array("SQLite format 3\0".utf8), "an SQLite database", advice),
        ([0x1F, 0x8B], "compressed twice", unpack),
    ]
    private static let unpack = "unpack it; only gzip is read"

    /// The last part of a name behind a dot, in small letters, without `.gz`.
    private static func ending(_ path: String) -> String {
        var parts = (lastName(path) ?? "").split(
            separator: ".", omittingEmptySubsequences: false
        ).dropFirst().map { $0.lowercased() }
        if parts.last == "gz" { parts.removeLast() }
        return parts.last ?? ""
    }

    static func isGzip(_ path: String) -> Bool { path.lowercased().hasSuffix(".gz") }

    /// Why a file is not read, by its name; nil where it is.
    static func refusal(path: String) -> String? {
        let ending = ending(path)
        if tables.contains(ending) { return "a .\(ending) file is not read; \(advice)" }
        if compressed.contains(ending) { return "a .\(ending) file is not read; \(unpack)" }
        if documents.contains(ending) { return "a .\(ending) file is not read; \(advice)" }
        if ending == "tar" || ending == "tgz" { return "an archive is not read; \(unpack)" }
        return nil
    }

    /// Why a file is not read, by its first bytes, decompressed.
    static func refusal(path: String, head: [UInt8]) -> String? {
        if head.starts(with: [0xFF, 0xFE, 0, 0]) || head.starts(with: [0, 0, 0xFE, 0xFF]) {
            return "the text is UTF-32; convert it to UTF-8 (iconv -f UTF-32 -t UTF-8)"
        }
        if head.starts(with: [0xFF, 0xFE]) || head.starts(with: [0xFE, 0xFF]) {
            return "the text is UTF-16; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)"
        }
        if let magic = magics.first(where: { head.starts(with: $0.bytes) }) {
            return "it is \(magic.what); \(magic.advice)"
        }
        if head.count > 262, head[257..<262].elementsEqual("ustar".utf8) {
            return "it is a tar archive; \(unpack)"
        }
        // "BZh", a digit and the number pi.
        if head.count > 9, head.starts(with: "BZh".utf8),
            head[4...].starts(with: [0x31, 0x41, 0x59])
        {
            return "it is compressed with bzip2; \(unpack)"
        }
        // A page may be a text, where it is called one.
        if ["html", "htm"].contains(ending(path)) { return nil }
        return MistakenContents.text(of: head)
    }

    static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// Whether a file has an object a line, by its name.
    static func hasLines(path: String) -> Bool { lineEndings.contains(ending(path)) }

    /// Whether what begins a JSON document cannot be a line of its own: an array of all documents,
    /// or an object over several lines.
    static func isSingleDocument(head: [UInt8]) -> Bool {
        let text = withoutMark(head).drop { $0 <= 0x20 }
        if text.first == UInt8(ascii: "[") { return true }
        guard text.first == UInt8(ascii: "{") else { return false }
        return text.dropFirst().first { $0 != 0x20 && $0 != 9 && $0 != 13 } == 10
    }

    static func withoutMark(_ head: [UInt8]) -> ArraySlice<UInt8> {
        head.starts(with: byteOrderMark) ? head[3...] : head[...]
    }
}
