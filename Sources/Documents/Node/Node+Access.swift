extension Node {
    /// The value of a key, compared by bytes; nil where the key is absent or this is no object.
    /// Looks at one member after the other: for many look-ups in a large object use `dictionary`.
    package subscript(_ key: String) -> Node? {
        let key = Key(key)
        return members?.first { Key($0.key) == key }?.value
    }

    package var string: String? {
        if case .string(let string) = value { string } else { nil }
    }

    /// Not inlined: the Swift 6.3.1 compiler crashes in its copy propagation on closures that it is
    /// inlined into, when it compiles them for @testable.
    @inline(never)
    package var integer: Int? {
        if case .integer(let integer) = value { integer } else { nil }
    }

    /// An integer or a number; an integer beyond 2^53 is rounded.
    package var double: Double? {
        switch value {
        case .integer(let integer): Double(integer)
        case .number(let number): number
        default: nil
        }
    }

    package var bool: Bool? {
        if case .bool(let bool) = value { bool } else { nil }
    }

    package var array: [Node]? {
        if case .array(let elements) = value { elements } else { nil }
    }

    /// In the document's order.
    package var members: [Member]? {
        if case .object(let members) = value { members } else { nil }
    }

    package var isNull: Bool {
        if case .null = value { true } else { false }
    }
}

extension Node {
    /// This object with another value for `key`, in its place, or at the end where it is new.
    /// Anything but an object counts as an empty one.
    package func setting(_ key: String, to value: Node) -> Node {
        var members = members ?? []
        let wanted = Key(key)
        if let index = members.firstIndex(where: { Key($0.key) == wanted }) {
            members[index] = Member(
                key: key, position: members[index].position, value: value)
        } else {
            members.append(Member(key: key, position: position, value: value))
        }
        return Node(.object(members), at: position)
    }

    /// This object without `keys`; anything but an object stays as it is.
    package func removing(_ keys: String...) -> Node {
        guard let members else { return self }
        let unwanted = Set(keys.map { Key($0) })
        return Node(.object(members.filter { !unwanted.contains(Key($0.key)) }), at: position)
    }
}
