/// Finds added tokens in a text: the leftmost, and of those that begin there the longest.
struct TokenTrie: Sendable {
    private struct Node: Sendable {
        var edges: [(byte: UInt8, node: Int32)] = []
        /// -1: no token ends here.
        var token: Int32 = -1
    }

    private var nodes = [Node()]
    /// The node after a first byte; -1: no token begins with it.
    private var roots = [Int32](repeating: -1, count: 256)

    var isEmpty: Bool { nodes.count == 1 }

    /// - Parameter content: not empty.
    /// - Returns: false where that content is there already.
    mutating func insert(_ content: [UInt8], token: Int32) -> Bool {
        var node = 0
        for (depth, byte) in content.enumerated() {
            let known =
                depth == 0
                ? roots[Int(byte)] : nodes[node].edges.first { $0.byte == byte }?.node ?? -1
            if known >= 0 {
                node = Int(known)
                continue
            }
            let new = Int32(nodes.count)
            nodes.append(Node())
            if depth == 0 { roots[Int(byte)] = new } else { nodes[node].edges.append((byte, new)) }
            node = Int(new)
        }
        if nodes[node].token >= 0 { return false }
        nodes[node].token = token
        return true
    }

    func first(
        in text: Span<UInt8>, from start: Int
    ) -> (range: Range<Int>, token: Int32)? {
        var index = start
        while index < text.count {
            let root = roots[Int(text[index])]
            if root >= 0, let end = longest(in: text, from: index, root: Int(root)) {
                return (index..<end.end, end.token)
            }
            index += 1
        }
        return nil
    }

    private func longest(
        in text: Span<UInt8>, from start: Int, root: Int
    ) -> (end: Int, token: Int32)? {
        var node = root
        var index = start + 1
        var found: (end: Int, token: Int32)?
        while true {
            if nodes[node].token >= 0 { found = (index, nodes[node].token) }
            guard index < text.count else { return found }
            let byte = text[index]
            guard let edge = nodes[node].edges.first(where: { $0.byte == byte }) else {
                return found
            }
            node = Int(edge.node)
            index += 1
        }
    }
}
