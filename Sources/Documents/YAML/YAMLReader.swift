import Posix

/// Builds a node from the events of a YAML document.
struct YAMLReader {
    private let source: Source
    private let events: YAMLEvents

    init(_ source: Source) {
        self.source = source
        events = YAMLEvents(source)
    }

    mutating func document() throws(DocumentError) -> Node {
        guard case (.documentStart, _) = try events.next() else { throw empty }
        let (first, position) = try events.next()
        if case .scalar("", isPlain: true) = first { throw empty }
        let node = try value(first, at: position, depth: 0)
        _ = try events.next()
        let (last, end) = try events.next()
        if case .documentStart = last {
            throw source.error("found a second document; expected one", at: end)
        }
        return node
    }

    private var empty: DocumentError {
        source.error(
            "found nothing; expected a document with keys and values", offset: 0)
    }

    private func value(
        _ event: YAMLEvents.Event, at position: Node.Position, depth: Int
    ) throws(DocumentError) -> Node {
        switch event {
        case .scalar(let text, let isPlain):
            return Node(isPlain ? try resolve(text, at: position) : .string(text), at: position)
        case .sequenceStart:
            try check(depth, at: position)
            var elements: [Node] = []
            while true {
                let (event, start) = try events.next()
                if case .sequenceEnd = event { return Node(.array(elements), at: position) }
                elements.append(try value(event, at: start, depth: depth + 1))
            }
        case .mappingStart:
            try check(depth, at: position)
            return Node(.object(try mapping(depth: depth + 1)), at: position)
        default:
            // libyaml's own grammar lets no other event stand here.
            throw source.error("found the end of the document; expected a value", at: position)
        }
    }

    private func check(_ depth: Int, at position: Node.Position) throws(DocumentError) {
        if depth >= YAML.maximumDepth {
            throw source.error(
                "nested too deeply; expected at most \(YAML.maximumDepth) levels", at: position)
        }
    }

    private func mapping(depth: Int) throws(DocumentError) -> [Node.Member] {
        var members: [Node.Member] = []
        while true {
            let (event, start) = try events.next()
            if case .mappingEnd = event { break }
            guard case .scalar(let key, let isPlain) = event else {
                throw source.error("found a list or a mapping; expected a key", at: start)
            }
            if isPlain, key.isEmpty {
                throw source.error("found ':' without a key; expected a key", at: start)
            }
            if isPlain, key == "<<" {
                throw source.error(
                    "found the merge key '<<'; expected every key to be written out", at: start)
            }
            let (next, place) = try events.next()
            members.append(
                Node.Member(
                    key: key, position: start, value: try value(next, at: place, depth: depth)))
        }
        if let (first, second) = Node.duplicates(in: members) {
            throw source.duplicate(second, of: first)
        }
        return members
    }

    private func resolve(
        _ text: String, at position: Node.Position
    ) throws(DocumentError) -> Node.Value {
        switch CoreSchema.resolve(text) {
        case .success(let value): return value
        case .failure(let reason):
            throw source.error("found \(quoted(text)), \(reason.words)", at: position)
        }
    }
}
