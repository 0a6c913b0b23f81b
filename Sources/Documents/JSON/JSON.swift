import Posix

/// JSON as RFC 8259 has it, read strictly, and written as Python's `json.dump` writes it.
package enum JSON {
    /// Reads one document.
    ///
    /// Refused are: bytes that are not UTF-8, a byte order mark, control characters, keys that
    /// occur twice in an object (compared by their bytes), lone surrogates, numbers beyond
    /// `Double`, more than `maximumDepth` levels, and anything after the value. An integer too
    /// large for `Int` becomes a `.number`. `\u0000` in a string is accepted: vocabularies have it.
    /// - Parameters:
    ///   - file: for messages only.
    ///   - exitCode: what the errors carry; a manifest's reader wants `.configuration`.
    package static func parse(
        _ bytes: UnsafeRawBufferPointer, file: String, maximumDepth: Int = 64,
        exitCode: ExitCode = .data
    ) throws(DocumentError) -> Node {
        try read(bytes, file: file, maximumDepth: maximumDepth, exitCode: exitCode).node
    }

    /// Reads one document, in which a key may stand more than once: its last value counts, as for
    /// Python's `json.load`.
    /// - Returns: with the later members of such keys.
    package static func parseLastOfRepeated(
        _ bytes: [UInt8], file: String
    ) throws(DocumentError) -> (node: Node, repeated: [Node.Member]) {
        try bytes.withUnsafeBufferPointer { buffer throws(DocumentError) in
            let found = try read(UnsafeRawBufferPointer(buffer), file: file, lastCounts: true)
            return (found.node, found.repeated)
        }
    }

    /// Reads one document of the tokenizers library, with its numbers to the last bit as they are
    /// there, and says what its nodes take, in bytes.
    /// - Parameter memory: what they may take at most.
    package static func parseTokenizer(
        _ bytes: [UInt8], file: String, memory: Int
    ) throws(DocumentError) -> (node: Node, memory: Int) {
        try bytes.withUnsafeBufferPointer { buffer throws(DocumentError) in
            let found = try read(
                UnsafeRawBufferPointer(buffer), file: file, memory: memory, readsAsSerde: true)
            return (found.node, found.memory)
        }
    }

    private static func read(
        _ bytes: UnsafeRawBufferPointer, file: String, maximumDepth: Int = 64,
        exitCode: ExitCode = .data, lastCounts: Bool = false, memory: Int = .max,
        readsAsSerde: Bool = false
    ) throws(DocumentError) -> (node: Node, repeated: [Node.Member], memory: Int) {
        let source = Source(bytes: bytes, file: file, exitCode: exitCode)
        do {
            try source.checkUTF8()
            var reader = try JSONReader(
                source, maximumDepth: maximumDepth, lastCounts: lastCounts,
                readsAsSerde: readsAsSerde)
            let allowed = min(memory, reader.memoryLeft)
            reader.memoryLeft = allowed
            let node = try reader.document()
            return (node, reader.repeated, allowed - reader.memoryLeft)
        } catch {
            // A page or a pointer in place of the file is told rather than its first wrong byte.
            if let text = MistakenContents.text(of: bytes.prefix(MistakenContents.headSize)) {
                throw DocumentError(file: file, position: nil, reason: text, exitCode: exitCode)
            }
            throw error
        }
    }

    /// Reads one document that is an array of bytes.
    package static func parse(
        _ bytes: [UInt8], file: String, maximumDepth: Int = 64, exitCode: ExitCode = .data
    ) throws(DocumentError) -> Node {
        try bytes.withUnsafeBufferPointer { buffer throws(DocumentError) in
            try parse(
                UnsafeRawBufferPointer(buffer), file: file, maximumDepth: maximumDepth,
                exitCode: exitCode)
        }
    }

    /// The UTF-8 text of `node`, without a newline at its end.
    ///
    /// Keys stay in their order; doubles are the shortest text that reads back the same and keep
    /// `.0`; infinities and NaN, which JSON cannot hold, become `null`.
    /// - Parameter indent: spaces per level, laid out like Python's
    ///   `json.dump(indent=indent, ensure_ascii=False)`; nil: one line without spaces.
    package static func encode(_ node: Node, indent: Int? = 2) -> [UInt8] {
        var writer = JSONWriter(indent: indent)
        writer.write(node)
        return writer.bytes
    }
}
