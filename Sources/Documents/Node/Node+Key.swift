extension Node {
    /// A string that equals another only where their UTF-8 bytes do. Swift's own `String` equality
    /// is canonical: it takes `é` and `e` with an accent for the same key.
    package struct Key: Sendable, Hashable, ExpressibleByStringLiteral {
        package let text: String

        package init(_ text: String) { self.text = text }

        package init(stringLiteral text: String) { self.text = text }

        package static func == (left: Key, right: Key) -> Bool {
            // Canonically different strings differ in bytes; this half is fast for ASCII.
            left.text == right.text && left.text.utf8.elementsEqual(right.text.utf8)
        }

        package func hash(into hasher: inout Hasher) {
            var text = text
            text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        }
    }

    /// The members of an object by their keys, for many look-ups in a large object; nil for any
    /// other value. Making it takes time in proportion to their number.
    package var dictionary: [Key: Node]? {
        guard let members else { return nil }
        return [Key: Node](
            members.lazy.map { (Key($0.key), $0.value) }, uniquingKeysWith: { first, _ in first })
    }

    /// The first member whose key an earlier member has already, and that earlier one; in time
    /// proportional to their number.
    static func duplicates(in members: [Member]) -> (Member, Member)? {
        if members.count <= 8 {
            for (index, member) in members.enumerated() {
                for earlier in members[..<index] where Key(earlier.key) == Key(member.key) {
                    return (earlier, member)
                }
            }
            return nil
        }
        var seen: [Key: Int] = [:]
        seen.reserveCapacity(members.count)
        for (index, member) in members.enumerated() {
            if let earlier = seen.updateValue(index, forKey: Key(member.key)) {
                return (members[earlier], member)
            }
        }
        return nil
    }
}

extension Source {
    func duplicate(_ second: Node.Member, of first: Node.Member) -> DocumentError {
        error(
            "found the key \(quoted(second.key)) again; it stands in line \(first.position.line) "
                + "already", at: second.position)
    }
}
