/// A record that is an object in a file: it says its keys once, for writing and for reading.
package protocol Coded {
    /// Takes its members to `coder` in their order, each with its key. When reading, this is what a
    /// member is where its key is absent.
    mutating func code(_ coder: inout NodeCoder)
}

extension Coded {
    package var node: Node {
        var (copy, coder) = (self, NodeCoder())
        copy.code(&coder)
        return coder.node
    }

    /// Takes over what `node` says.
    /// - Returns: the coder, which knows what was wrong.
    package mutating func read(_ node: Node) -> NodeCoder {
        var coder = NodeCoder(reading: node)
        code(&coder)
        return coder
    }
}

/// A record that stands alone, or as a member of another.
package protocol CodedValue: Coded, NodeValue {
    /// What reading begins with.
    static var blank: Self { get }
}

extension CodedValue {
    /// nil where `node` is no object, or a required member is absent or not what it should be.
    package init?(coded node: Node) {
        var value = Self.blank
        guard node.members != nil, value.read(node).isWhole else { return nil }
        self = value
    }

    package var coded: Node { node }

    /// The paths of all keys that it has or may have, in their order: `layers[].bias.policy`.
    package static var keys: [String] {
        var (blank, coder) = (Self.blank, NodeCoder(listing: ()))
        blank.code(&coder)
        return coder.listed ?? []
    }

    package static func paths(_ key: String) -> [String] { keys.map { "\(key).\($0)" } }
}
