import Posix

/// Lays a node out as JSON text.
struct JSONWriter {
    private(set) var bytes: [UInt8] = []
    private let indent: Int?
    private var level = 0

    init(indent: Int?) { self.indent = indent }

    mutating func write(_ node: Node) {
        switch node.value {
        case .null: append("null")
        case .bool(let bool): append(bool ? "true" : "false")
        case .integer(let integer): append(integer.description)
        case .number(let number): append(number.isFinite ? number.description : "null")
        case .string(let string): write(string)
        case .array(let elements):
            list("[", "]", elements) { writer, element in writer.write(element) }
        case .object(let members):
            list("{", "}", members) { writer, member in
                writer.write(member.key)
                writer.append(writer.indent == nil ? ":" : ": ")
                writer.write(member.value)
            }
        }
    }

    private mutating func list<Element>(
        _ start: String, _ end: String, _ elements: [Element],
        _ write: (inout JSONWriter, Element) -> Void
    ) {
        append(start)
        level += 1
        for (index, element) in elements.enumerated() {
            if index > 0 { append(",") }
            newLine()
            write(&self, element)
        }
        level -= 1
        if !elements.isEmpty { newLine() }
        append(end)
    }

    private mutating func newLine() {
        guard let indent else { return }
        append("\n")
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indent * level))
    }

    private mutating func write(_ string: String) {
        append("\"")
        // Most text is ASCII, and has nothing that a terminal could take for more than text.
        let isPlain = string.utf8.allSatisfy { $0 < 0x7F }
        if isPlain { for byte in string.utf8 { write(byte) } } else { writeScalars(string) }
        append("\"")
    }

    /// With escapes, too, for what a terminal obeys or hides: C1 controls, marks of direction and
    /// other formats, and what is not assigned.
    private mutating func writeScalars(_ string: String) {
        for scalar in string.unicodeScalars {
            if scalar.value < 0x7F {
                write(UInt8(scalar.value))
            } else if isUnprintable(scalar) {
                for unit in UTF16.encode(scalar).map({ Array($0) }) ?? [] {
                    let digits = String(unit, radix: 16)
                    append("\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits)
                }
            } else {
                bytes.append(contentsOf: Array(String(scalar).utf8))
            }
        }
    }

    private mutating func write(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): append("\\\"")
        case UInt8(ascii: "\\"): append("\\\\")
        case 0x08: append("\\b")
        case 0x09: append("\\t")
        case 0x0A: append("\\n")
        case 0x0C: append("\\f")
        case 0x0D: append("\\r")
        case 0..<0x20: append((byte < 16 ? "\\u000" : "\\u00") + String(byte, radix: 16))
        default: bytes.append(byte)
        }
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }
}
