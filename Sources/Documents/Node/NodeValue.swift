/// A kind of value that a `NodeCoder` writes as a node, and reads.
package protocol NodeValue {
    /// nil where `node` is no such value.
    init?(coded node: Node)
    var coded: Node { get }

    /// The paths of what is written under a key, and below it.
    static func paths(_ key: String) -> [String]
}

extension NodeValue {
    package static func paths(_ key: String) -> [String] { [key] }
}

extension Node: NodeValue {
    package init?(coded node: Node) { self = node }
    package var coded: Node { self }
}

extension String: NodeValue {
    package init?(coded node: Node) {
        guard let string = node.string else { return nil }
        self = string
    }

    package var coded: Node { Node(self) }
}

extension Double: NodeValue {
    package init?(coded node: Node) {
        guard let number = node.double else { return nil }
        self = number
    }

    package var coded: Node { Node(self) }
}

extension Bool: NodeValue {
    package init?(coded node: Node) {
        guard let bool = node.bool else { return nil }
        self = bool
    }

    package var coded: Node { Node(self) }
}

extension Int: NodeValue {}
extension Int32: NodeValue {}
extension UInt32: NodeValue {}

extension NodeValue where Self: FixedWidthInteger {
    /// nil also where the integer does not fit.
    package init?(coded node: Node) {
        guard let integer = node.integer.flatMap({ Self(exactly: $0) }) else { return nil }
        self = integer
    }

    /// Of types all of whose values are `Int`s.
    package var coded: Node { Node(Int(self)) }
}

/// Words: an enumeration by its raw values.
extension NodeValue where Self: RawRepresentable<String> {
    package init?(coded node: Node) {
        guard let value = node.string.flatMap({ Self(rawValue: $0) }) else { return nil }
        self = value
    }

    package var coded: Node { Node(rawValue) }
}

extension Array: NodeValue where Element: NodeValue {
    /// Elements that are no such values are left out.
    package init?(coded node: Node) {
        guard let elements = node.array else { return nil }
        self = elements.compactMap { Element(coded: $0) }
    }

    package var coded: Node { Node(map(\.coded)) }

    /// `layers[].name` where elements have keys.
    package static func paths(_ key: String) -> [String] {
        let below = Element.paths(key + "[]")
        return below == [key + "[]"] ? [key] : below
    }
}
