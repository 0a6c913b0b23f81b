/// Which weights of a row compete with each other for what is kept.
package enum Pattern: Sendable, Hashable, CustomStringConvertible {
    /// A share of each row (or layer) goes.
    case unstructured
    /// The `keep` largest of every `group` consecutive columns of a row stay, written `keep:group`.
    case groups(keep: Int, of: Int)
    /// Whole channels of the feed-forwards and whole heads go, and the layers become smaller.
    case channels
    /// Whole blocks go, and the model becomes shallower.
    case blocks
    /// Whole experts of mixtures go, and the router chooses among the others.
    case experts

    /// `unstructured`, `channels`, `blocks`, `experts` or `N:M` with 0 < N < M <= 4096; nil for
    /// anything else.
    package init?(_ text: String) {
        if let plain = [Self.unstructured, .channels, .blocks, .experts].first(where: {
            $0.description == text
        }) {
            self = plain
            return
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.allSatisfy(\.isASCII) }),
            let keep = Int(parts[0]), let group = Int(parts[1]),
            text == "\(keep):\(group)", keep > 0, keep < group, group <= 4096
        else { return nil }
        self = .groups(keep: keep, of: group)
    }

    package var description: String {
        switch self {
        case .unstructured: "unstructured"
        case .channels: "channels"
        case .blocks: "blocks"
        case .experts: "experts"
        case .groups(let keep, let group): "\(keep):\(group)"
        }
    }
}
