/// A value of a YAML or JSON document, with the place where it stands.
package struct Node: Sendable, Hashable {
    package enum Value: Sendable, Hashable {
        case null
        case bool(Bool)
        case integer(Int)
        /// A number with a fraction or an exponent, or one too large for `Int`; may be infinite or
        /// NaN in YAML, never in JSON.
        case number(Double)
        case string(String)
        case array([Node])
        case object([Member])
    }

    /// One key of an object and its value, in the document's order. No two members of an object
    /// have keys of the same bytes: the readers refuse them.
    package struct Member: Sendable, Hashable {
        package let key: String
        package let position: Position
        package let value: Node

        package init(
            key: String, position: Position = Position(line: 1, column: 1), value: Node
        ) {
            self.key = key
            self.position = position
            self.value = value
        }
    }

    /// Both from 1; the column counts Unicode scalars.
    package struct Position: Sendable, Hashable {
        // Half words, because large documents have millions of nodes.
        private let storedLine: UInt32
        private let storedColumn: UInt32

        package var line: Int { Int(storedLine) }
        package var column: Int { Int(storedColumn) }

        package init(line: Int, column: Int) {
            storedLine = UInt32(clamping: line)
            storedColumn = UInt32(clamping: column)
        }
    }

    package let value: Value
    package let position: Position

    package init(_ value: Value, at position: Position = Position(line: 1, column: 1)) {
        self.value = value
        self.position = position
    }
}
