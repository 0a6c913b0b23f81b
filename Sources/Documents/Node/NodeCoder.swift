/// Writes the members of an object, or reads them: see `Coded`.
///
/// A member that is no value of its type, or beyond its bounds, counts as absent.
package struct NodeCoder {
    /// What is read; nil: it writes, or lists.
    private let source: Node?
    /// The paths of the keys so far; nil: it writes or reads.
    private(set) var listed: [String]?
    private var members: [(String, Node)] = []
    /// No required member was absent.
    package private(set) var isWhole = true
    /// What a member says that is known to be something else.
    package private(set) var contradiction: Node?

    /// Writes.
    package init() { source = nil }

    package init(reading node: Node) { source = node }

    /// Lists the paths of all keys, of members that are unknown or left out, too.
    init(listing: Void) {
        source = nil
        listed = []
    }

    package var isReading: Bool { source != nil }

    package var isWriting: Bool { source == nil && listed == nil }

    /// What was written so far.
    package var node: Node { Node(object: members) }

    /// A member that keeps its value where the key is absent.
    package mutating func member<Value: NodeValue>(
        _ key: String, _ value: inout Value, where isValid: (Value) -> Bool = { _ in true }
    ) {
        if let source {
            if let read = Self.read(key, source, isValid) { value = read }
        } else {
            write(key, value)
        }
    }

    /// A number that is brought within bounds when it is read.
    package mutating func member<Value: NodeValue & Comparable>(
        _ key: String, _ value: inout Value, within bounds: ClosedRange<Value>
    ) {
        member(key, &value)
        if isReading { value = min(max(value, bounds.lowerBound), bounds.upperBound) }
    }

    /// A member that may be unknown: null.
    package mutating func member<Value: NodeValue>(
        _ key: String, _ value: inout Value?, where isValid: (Value) -> Bool = { _ in true }
    ) {
        if let source {
            value = Self.read(key, source, isValid)
        } else {
            write(key, value)
        }
    }

    /// The same, left out where it is unknown.
    package mutating func rare<Value: NodeValue>(_ key: String, _ value: inout Value?) {
        if value != nil || !isWriting { member(key, &value) }
    }

    /// A list that is left out where it has no elements.
    package mutating func rare<Value: NodeValue>(_ key: String, _ values: inout [Value]) {
        var list = values.isEmpty ? nil : values
        rare(key, &list)
        if isReading { values = list ?? [] }
    }

    /// A member without which the object is nothing.
    package mutating func required<Value: NodeValue>(
        _ key: String, _ value: inout Value, where isValid: (Value) -> Bool = { _ in true }
    ) {
        if let source {
            if let read = Self.read(key, source, isValid) {
                value = read
            } else {
                isWhole = false
            }
        } else {
            write(key, value)
        }
    }

    /// Told to those who read the file by other means, and not read.
    package mutating func derived(_ key: String, _ value: some NodeValue) {
        if !isReading { write(key, value) }
    }

    /// A member that is known from elsewhere: where it is there, it must say the same.
    package mutating func known(_ key: String, _ text: String) {
        if let found = source?[key] {
            if found.string != text { contradiction = contradiction ?? found }
        } else {
            derived(key, text)
        }
    }

    /// The members of `record` among this object's own.
    package mutating func members(of record: inout some Coded) { record.code(&self) }

    private mutating func write<Value: NodeValue>(_ key: String, _ value: Value?) {
        if listed == nil {
            members.append((key, value?.coded ?? .null))
        } else {
            listed?.append(contentsOf: Value.paths(key))
        }
    }

    private static func read<Value: NodeValue>(
        _ key: String, _ source: Node, _ isValid: (Value) -> Bool
    ) -> Value? {
        source[key].flatMap { Value(coded: $0) }.flatMap { isValid($0) ? $0 : nil }
    }
}
