import CYAML
import Posix

/// What libyaml finds in a document, one event after the other, with what a strict reader refuses
/// in any place refused.
final class YAMLEvents {
    enum Event {
        case documentStart
        case documentEnd
        case streamEnd
        case scalar(String, isPlain: Bool)
        case sequenceStart
        case sequenceEnd
        case mappingStart
        case mappingEnd
    }

    private let source: Source
    /// At an address of its own: libyaml keeps a pointer from the parser to itself.
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let isInitialized: Bool
    /// The byte at which the lines up to the furthest event begin.
    private var lineStarts = [0]

    /// `source` must outlive the reader.
    init(_ source: Source) {
        self.source = source
        parser = .allocate(capacity: 1)
        isInitialized = yaml_parser_initialize(parser) == 1
        guard isInitialized else { return }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(
            parser, source.bytes.bindMemory(to: UInt8.self).baseAddress, source.bytes.count)
    }

    deinit {
        if isInitialized { yaml_parser_delete(parser) }
        parser.deallocate()
    }

    /// The next event and where it begins.
    func next() throws(DocumentError) -> (Event, Node.Position) {
        while true {
            var event = yaml_event_t()
            guard isInitialized, yaml_parser_parse(parser, &event) == 1 else {
                throw isInitialized
                    ? source.problem(parser.pointee) : source.error("no memory is left", at: nil)
            }
            defer { yaml_event_delete(&event) }
            if event.type == YAML_STREAM_START_EVENT { continue }
            if event.type == YAML_NO_EVENT {
                return (.streamEnd, Node.Position(line: 1, column: 1))
            }
            let mark = event.start_mark
            let position = Node.Position(line: mark.line + 1, column: mark.column + 1)
            return (try convert(event, at: position), position)
        }
    }

    private func convert(
        _ event: yaml_event_t, at position: Node.Position
    ) throws(DocumentError) -> Event {
        switch event.type {
        case YAML_DOCUMENT_START_EVENT:
            try checkDirectives(event, at: position)
            return .documentStart
        case YAML_DOCUMENT_END_EVENT: return .documentEnd
        case YAML_STREAM_END_EVENT: return .streamEnd
        case YAML_ALIAS_EVENT:
            throw source.error(
                "found the alias \(name("*", event.data.alias.anchor)); expected the value itself "
                    + "(text that starts with '*' must be in quotes)", at: position)
        case YAML_SEQUENCE_START_EVENT:
            let data = event.data.sequence_start
            try check(anchor: data.anchor, tag: data.tag, event, at: position)
            return .sequenceStart
        case YAML_SEQUENCE_END_EVENT: return .sequenceEnd
        case YAML_MAPPING_START_EVENT:
            let data = event.data.mapping_start
            try check(anchor: data.anchor, tag: data.tag, event, at: position)
            return .mappingStart
        case YAML_MAPPING_END_EVENT: return .mappingEnd
        default:
            let data = event.data.scalar
            try check(anchor: data.anchor, tag: data.tag, event, at: position)
            let text = String(
                decoding: UnsafeBufferPointer(start: data.value, count: data.length),
                as: UTF8.self)
            return .scalar(text, isPlain: data.style == YAML_PLAIN_SCALAR_STYLE)
        }
    }

    private func checkDirectives(
        _ event: yaml_event_t, at position: Node.Position
    ) throws(DocumentError) {
        let data = event.data.document_start
        if let version = data.version_directive?.pointee, (version.major, version.minor) != (1, 2) {
            throw source.error(
                "found YAML \(version.major).\(version.minor); expected YAML 1.2", at: position)
        }
        if data.tag_directives.start != data.tag_directives.end {
            throw source.error("found a %TAG directive; expected no tags", at: position)
        }
    }

    private func check(
        anchor: UnsafeMutablePointer<yaml_char_t>?, tag: UnsafeMutablePointer<yaml_char_t>?,
        _ event: yaml_event_t, at position: Node.Position
    ) throws(DocumentError) {
        if let anchor {
            throw source.error(
                "found the anchor \(name("&", anchor)); expected a document without anchors",
                at: position)
        }
        if let tag {
            throw source.error(
                "found the tag \(name("", tag)); expected a value without a tag", at: position)
        }
        try checkIndentation(of: event.start_mark)
    }

    private func name(_ sign: String, _ name: UnsafeMutablePointer<yaml_char_t>) -> String {
        quoted(sign + String(cString: name))
    }

    /// Refuses a tab before the first character of a line: libyaml lets it pass inside brackets.
    private func checkIndentation(of mark: yaml_mark_t) throws(DocumentError) {
        let start = lineStart(mark.line)
        for offset in start..<source.bytes.count {
            switch source.bytes[offset] {
            case UInt8(ascii: " "): continue
            case UInt8(ascii: "\t"):
                throw source.error(
                    "found a tab in the indentation; expected spaces",
                    at: Node.Position(line: mark.line + 1, column: offset - start + 1))
            default: return
            }
        }
    }

    private func lineStart(_ line: Int) -> Int {
        while lineStarts.count <= line {
            var offset = lineStarts[lineStarts.count - 1]
            while offset < source.bytes.count {
                let byte = source.bytes[offset]
                offset += 1
                if byte == UInt8(ascii: "\n") { break }
                if byte == UInt8(ascii: "\r") {
                    if offset < source.bytes.count, source.bytes[offset] == UInt8(ascii: "\n") {
                        offset += 1
                    }
                    break
                }
            }
            lineStarts.append(offset)
        }
        return lineStarts[line]
    }
}
