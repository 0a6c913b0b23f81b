extension Node: ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByStringInterpolation, ExpressibleByArrayLiteral
{
    package init(booleanLiteral bool: Bool) { self.init(.bool(bool)) }
    package init(integerLiteral integer: Int) { self.init(.integer(integer)) }
    package init(floatLiteral number: Double) { self.init(.number(number)) }
    package init(stringLiteral string: String) { self.init(.string(string)) }
    package init(arrayLiteral elements: Node...) { self.init(.array(elements)) }
}

extension Node {
    /// There is no `nil` literal for it: `condition ? node : nil` would be a null where an absent
    /// node is meant.
    package static let null = Node(.null)

    package init(_ bool: Bool) { self.init(.bool(bool)) }
    package init(_ integer: Int) { self.init(.integer(integer)) }
    package init(_ number: Double) { self.init(.number(number)) }
    package init(_ string: String) { self.init(.string(string)) }
    package init(_ elements: [Node]) { self.init(.array(elements)) }

    /// An object with its keys in the order given. No key may occur twice.
    package init(object members: [(String, Node)]) {
        let members = members.map { Member(key: $0.0, value: $0.1) }
        precondition(Node.duplicates(in: members) == nil, "an object has each key once")
        self.init(.object(members))
    }

    /// An object with its keys in the order written: `.object(["rows": 3, "name": Node(name)])`. No
    /// key may occur twice.
    package static func object(_ members: KeyValuePairs<String, Node>) -> Node {
        Node(object: members.map { ($0.key, $0.value) })
    }
}
