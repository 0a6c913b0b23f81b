extension Node {
    /// What this is, for an error: its type and, where that is short, its value.
    package var summary: String {
        switch value {
        case .null: "nothing"
        case .bool(let bool): "the boolean \(bool)"
        case .integer(let integer): "the integer \(integer)"
        case .number(let number) where number.isNaN: "NaN"
        case .number(let number) where number.isInfinite:
            number < 0 ? "minus infinity" : "infinity"
        case .number(let number): "the number \(number)"
        case .string(""): "empty text"
        case .string(let string): "the text \(quoted(string))"
        case .array(let elements): elements.isEmpty ? "an empty list" : "a list"
        case .object: "keys and values"
        }
    }
}
