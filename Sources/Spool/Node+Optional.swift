import Documents

/// What is not known is null.
extension Node {
    package init(_ text: String?) { self = text.map { Node($0) } ?? Node(.null) }
    package init(_ integer: Int?) { self = integer.map { Node($0) } ?? Node(.null) }
    package init(_ number: Double?) { self = number.map { Node($0) } ?? Node(.null) }
}
