import Posix

/// YAML 1.2's core schema, read strictly.
///
/// Plain text is a number, a boolean or null only where the core schema says so: `2:4` and `yes`
/// are text. Refused, while the document is scanned and before anything is built from it: anchors,
/// aliases, tags, merge keys, directives other than `%YAML 1.2`, a second document, more than
/// `maximumDepth` levels, keys that occur twice or are no scalars, numbers with leading zeros,
/// octal numbers, numbers too large to hold, tabs as indentation, NUL, and anything that is not
/// UTF-8 (a byte order mark is skipped). `.inf` and `.nan` are numbers; `Fields` refuses them.
package enum YAML {
    /// The largest document that is read; whoever reads the file stops there.
    package static let maximumBytes = 1 << 20

    package static let maximumDepth = 32

    /// Reads one document.
    /// - Parameter file: for messages only.
    package static func parse(
        _ bytes: [UInt8], file: String, exitCode: ExitCode = .configuration
    ) throws(DocumentError) -> Node {
        try bytes.withUnsafeBufferPointer { buffer throws(DocumentError) in
            var bytes = UnsafeRawBufferPointer(buffer)
            if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
                bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(3))
            }
            let source = Source(bytes: bytes, file: file, exitCode: exitCode)
            if bytes.count > maximumBytes {
                throw source.error(
                    "found \(bytes.count) bytes; expected at most \(maximumBytes)", at: nil)
            }
            try source.checkYAMLCharacters()
            var reader = YAMLReader(source)
            return try reader.document()
        }
    }
}

extension Source {
    /// Refuses what libyaml reads otherwise than YAML 1.2, or with an error that names no place.
    fileprivate func checkYAMLCharacters() throws(DocumentError) {
        if bytes.starts(with: [0xFE, 0xFF]) || bytes.starts(with: [0xFF, 0xFE]) {
            throw error("found UTF-16; expected text in UTF-8", offset: 0)
        }
        if let offset = bytes.firstIndex(of: 0) {
            throw error("found a NUL byte; expected text in UTF-8", offset: offset)
        }
        try checkUTF8()
        for (offset, byte) in bytes.enumerated() {
            let isBreak: Bool
            switch byte {
            case 0xC2: isBreak = bytes[offset + 1] == 0x85
            case 0xE2: isBreak = bytes[offset + 1] == 0x80 && bytes[offset + 2] & 0xFE == 0xA8
            default: continue
            }
            // YAML 1.1 and libyaml take them for the end of a line, YAML 1.2 for text.
            if isBreak {
                throw error(
                    "found a Unicode line separator; expected lines that end in a newline",
                    offset: offset)
            }
        }
    }
}
