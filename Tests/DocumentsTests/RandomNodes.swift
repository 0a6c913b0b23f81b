import Documents
import TestSupport

/// Documents drawn from a seed.
struct RandomNodes: RandomNumberGenerator {
    private var random: Seeded

    /// Without what YAML reads otherwise than JSON: line separators and DEL.
    private let isPlain: Bool

    init(seed: UInt64, isPlain: Bool = false) {
        random = Seeded(seed)
        self.isPlain = isPlain
    }

    mutating func next() -> UInt64 { random.next() }

    mutating func node(depth: Int) -> Node {
        switch Int.random(in: 0..<(depth < 4 ? 8 : 5), using: &self) {
        case 0: return .null
        case 1: return Node(Bool.random(using: &self))
        case 2: return Node(Int(truncatingIfNeeded: next()))
        case 3:
            let number = Double(bitPattern: next())
            return Node(number.isFinite ? number : 0.25)
        case 4: return Node(text())
        case 5, 6:
            let count = Int.random(in: 0..<6, using: &self)
            return Node((0..<count).map { _ in node(depth: depth + 1) })
        default:
            let count = Int.random(in: 0..<12, using: &self)
            return Node(
                object: (0..<count).map { ("\($0)" + text(), node(depth: depth + 1)) })
        }
    }

    private mutating func text() -> String {
        let alphabet: [Unicode.Scalar] = [
            "a", "\"", "\\", "\n", "\u{1}", "/", "é", "\u{301}", "€", "😀", "\u{7F}",
            "\u{2028}",
        ]
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0..<20, using: &self) {
            text.append(alphabet.dropLast(isPlain ? 2 : 0).randomElement(using: &self)!)
        }
        return String(text)
    }

    /// Whether two documents have the same values, wherever they stand.
    static func same(_ left: Node, _ right: Node) -> Bool {
        switch (left.value, right.value) {
        case (.array(let left), .array(let right)):
            return left.count == right.count && zip(left, right).allSatisfy(same)
        case (.object(let left), .object(let right)):
            return left.count == right.count
                && zip(left, right).allSatisfy {
                    Node.Key($0.key) == Node.Key($1.key) && same($0.value, $1.value)
                }
        case (.string(let left), .string(let right)): return Node.Key(left) == Node.Key(right)
        default: return left.value == right.value
        }
    }
}
